import type { NativeOptions } from "../../../native";
import { loadNative } from "../client/native";
import { isUniqueOwner } from "../client/told-hold";
import { type FleetAnswer, type Outcome, type Reply, readAnswer, type StoredLock, type ToldAnswer } from "./answers";
import type { NativeInspector } from "./native-inspector";

/** The number of key names in one call to the addon. */
const KEYS_AT_ONCE = 500;

/** @internal Why the inspector has no answer: there is no connection (`broken`), or the server refused (`refused`). */
export class InspectionError extends Error {
  override name = "InspectionError";

  constructor(
    readonly kind: "broken" | "refused",
    message: string,
  ) {
    super(message);
  }
}

/**
 * @internal Makes an inspector from the options of a provider. It connects when it is first asked. Throws the addon's error for options that it
 * cannot use.
 */
export function openInspector(options: NativeOptions): Inspector {
  const { NativeInspector: InspectorOfAddon } = loadNative();
  return new Inspector(new InspectorOfAddon(options));
}

/** @internal Looks at locks in Redis, and asks processes about them. All names of keys are the names in Redis. */
export class Inspector {
  readonly #native: NativeInspector;

  constructor(native: NativeInspector) {
    this.#native = native;
  }

  /** Sends one command, to one node or (null) to the server. */
  async command(node: string | null, ...parts: string[]): Promise<Outcome> {
    return JSON.parse(await this.#native.command(node, parts)) as Outcome;
  }

  /** The masters of the cluster, as `host:port`; empty on a single server. Throws InspectionError. */
  async nodes(): Promise<string[]> {
    return told<{ nodes: string[] }>(await this.#native.nodes()).nodes;
  }

  /** The locks in the namespace, at most `most`; `more`: there are more locks. Throws InspectionError. */
  async scan(most: number): Promise<{ keys: string[]; more: boolean }> {
    return told(await this.#native.scan(most));
  }

  /** Reads these locks from Redis. Throws InspectionError. */
  async read(keys: readonly string[]): Promise<StoredLock[]> {
    const all: StoredLock[] = [];
    for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
      all.push(...told<{ locks: StoredLock[] }>(await this.#native.read(keys.slice(at, at + KEYS_AT_ONCE))).locks);
    }
    return all;
  }

  /** Asks all processes about these keys, or (null) about all keys. Throws InspectionError. */
  async ask(keys: readonly string[] | null, waitMs: number): Promise<FleetAnswer> {
    const { reached, answers } = told<{ reached: number | null; answers: ToldAnswer[] }>(await this.#native.ask(keys && [...keys], waitMs));
    return { reached, answers: answers.map(readAnswer) };
  }

  /**
   * Takes a lock from the hold that the caller saw. Returns false if that hold is gone. For a named owner Redis compares the token; `execute` has a
   * new owner each time. Throws InspectionError.
   */
  async free(key: string, { owner, token }: { owner: string; token: number | null }, by: string): Promise<boolean> {
    const known = isUniqueOwner(owner) ? null : token;
    return told<{ freed: number }>(await this.#native.free(key, owner, known, by)).freed > 0;
  }

  close(): void {
    this.#native.close();
  }
}

function told<T extends object>(json: string): T {
  const answer = JSON.parse(json) as T | { error: string } | { broken: string };
  if ("broken" in answer) {
    throw new InspectionError("broken", answer.broken);
  }
  if ("error" in answer) {
    throw new InspectionError("refused", answer.error);
  }
  return answer;
}

/** @internal The text of a reply, if it is one. */
export function textOf(outcome: Outcome): string | undefined {
  return "value" in outcome && typeof outcome.value === "string" ? outcome.value : undefined;
}

/** @internal The items of a reply, if it is a list. */
export function listOf(outcome: Outcome): Reply[] | undefined {
  return "value" in outcome && Array.isArray(outcome.value) ? outcome.value : undefined;
}

/** @internal The server's error text, if the command was refused or failed. */
export function errorOf(outcome: Outcome): string | undefined {
  if ("error" in outcome) {
    return outcome.error;
  }
  const value = "value" in outcome ? outcome.value : null;
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value.error : undefined;
}
