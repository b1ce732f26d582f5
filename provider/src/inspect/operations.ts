import { hostname } from "node:os";
import type { NativeOptions } from "../../../native";
import { kindOf } from "../client/arguments";
import { argumentError, LockError, type LockErrorCode, lockError } from "../client/errors";
import type { ClientStats } from "../client/observer";
import { listOf } from "../client/words";
import { InspectionError, type Inspector, openInspector } from "./inspector";
import type { LockList, LockStatus } from "./lock-status";
import { findLock, listLocks } from "./locks";

/** The number of locks that are listed if the caller does not say. */
const DEFAULT_MOST = 1_000;
/** The highest number. The list is one object in this process' memory. */
const HIGHEST_MOST = 100_000;

const CODES: Record<InspectionError["kind"], LockErrorCode> = { broken: "REDIS_UNREACHABLE", refused: "REDIS_REFUSED" };

/** Whether Redis answers. */
export interface LockHealth {
  /** Redis answers. */
  ok: boolean;
  /** The time of a question to Redis, in milliseconds; null: Redis did not answer. The first question also connects. */
  roundTripMs: number | null;
  /** Why Redis did not answer; null: it did. The text shows no password. */
  reason: string | null;
}

/** How locks are taken away by hand. */
export interface FreeOptions {
  /** The name of the person or process that takes the lock away, for the job that loses it; default: this process. */
  by?: string;
  /** The lock is only taken from this owner, as `LockStatus` names it. */
  owner?: string;
  /**
   * The lock is only taken from the hold with this fencing token, as `LockStatus` has it; null: from any hold. Without side keys there are no
   * tokens to compare.
   */
  token?: number | null;
}

/**
 * The operations for operators. All methods use their own connections, which are made at the first call. They reject with REDIS_UNREACHABLE,
 * REDIS_REFUSED, or INVALID_ARGUMENT.
 */
export interface LockOperations {
  /** The locks in the namespace, the longest waits first. `most`: how many are listed, 1 to 100000; default 1000. */
  locks(options?: { most?: number }): Promise<LockList>;
  /** One lock; undefined: nobody has it and nobody waits for it. */
  lock(key: string): Promise<LockStatus | undefined>;
  /**
   * Takes locks away from their present holders and hands them over to the next waiters. With `owner` or `token` (both as `LockStatus` has them) a
   * lock is only taken from that owner or hold. One owner may have given the lock back and taken it again, and `*` stands for many owners, so
   * `token` is more exact. The job that loses its lock is told `by` whom; default: this process. Resolves with the keys that were taken away. If it
   * fails after some keys were taken away, the error's message names these keys, and its `keys` are the others.
   */
  free(keys: string | string[], options?: FreeOptions): Promise<string[]>;
  /** Checks whether Redis answers. Never rejects. */
  health(): Promise<LockHealth>;
  /** The counts and the state of this process' client. It asks nobody. */
  stats(): ClientStats;
}

/** @internal The part of {@link LockOperations} that asks Redis and other processes. */
export class Operations implements Omit<LockOperations, "stats"> {
  readonly #options: NativeOptions;
  #inspector: Inspector | undefined;
  #closed = false;

  constructor(options: NativeOptions) {
    this.#options = options;
  }

  async locks(options?: { most?: number }): Promise<LockList> {
    const most = parseMost(parseOptions(options).most);
    return await this.#asked((inspector) => listLocks(inspector, this.#options.prefix, most));
  }

  async lock(key: string): Promise<LockStatus | undefined> {
    if (typeof key !== "string") {
      throw argumentError(`the key must be a string, got ${kindOf(key)}.`);
    }
    return await this.#asked((inspector) => findLock(inspector, this.#options.prefix, key));
  }

  async free(keys: string | string[], options?: FreeOptions): Promise<string[]> {
    const all = parseNames(keys);
    const given = parseOptions(options);
    const by = parseBy(given.by);
    const wanted = { owner: parseOwner(given.owner), token: parseToken(given.token) };
    const freed: string[] = [];
    for (const [at, key] of all.entries()) {
      try {
        if (await this.#asked((inspector) => freeOne(inspector, this.#options.prefix + key, wanted, by))) {
          freed.push(key);
        }
      } catch (error) {
        throw freed.length > 0 && error instanceof LockError ? partlyFreed(error, freed, all.slice(at)) : error;
      }
    }
    return freed;
  }

  async health(): Promise<LockHealth> {
    try {
      const began = performance.now();
      // This is a read, because a user who may lock may also read, but may not be allowed to PING.
      await this.#asked((inspector) => inspector.read([`${this.#options.prefix}health`]));
      return { ok: true, roundTripMs: performance.now() - began, reason: null };
    } catch (error) {
      return { ok: false, roundTripMs: null, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Closes the connections. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#inspector?.close();
    this.#inspector = undefined;
  }

  async #asked<T>(ask: (inspector: Inspector) => Promise<T>): Promise<T> {
    if (this.#closed) {
      throw closedError();
    }
    this.#inspector ??= openInspector(this.#options);
    try {
      return await ask(this.#inspector);
    } catch (error) {
      if (this.#closed) {
        throw closedError();
      }
      if (error instanceof InspectionError) {
        throw lockError(CODES[error.kind], `Redis could not be asked about its locks: ${error.message}`, [], error.message);
      }
      throw error;
    }
  }
}

/** Takes the lock from the hold that was just read, so that the next holder keeps its lock. */
async function freeOne(
  inspector: Inspector,
  name: string,
  wanted: { owner: string | undefined; token: number | undefined },
  by: string,
): Promise<boolean> {
  const [stored] = await inspector.read([name]);
  if (stored === undefined || stored.owner === null || (wanted.owner !== undefined && stored.owner !== wanted.owner)) {
    return false;
  }
  return await inspector.free(stored.key, { owner: stored.owner, token: wanted.token ?? stored.token }, by);
}

/** The error also names the locks that were freed before the failure. */
function partlyFreed({ code, message, cause }: LockError, freed: string[], rest: string[]): LockError {
  const done = `Only ${listOf(freed)} ${freed.length === 1 ? "was" : "were"} freed.`;
  return lockError(code, `${done} ${message}`, rest, cause instanceof Error ? cause.message : undefined);
}

function parseOptions(options: unknown): { most?: unknown; by?: unknown; owner?: unknown; token?: unknown } {
  if (options !== undefined && (typeof options !== "object" || options === null || Array.isArray(options))) {
    throw argumentError(`the options must be an object, got ${kindOf(options)}.`);
  }
  return options ?? {};
}

function parseMost(most: unknown): number {
  if (most === undefined) {
    return DEFAULT_MOST;
  }
  if (typeof most !== "number" || !Number.isInteger(most) || most < 1 || most > HIGHEST_MOST) {
    const got = typeof most === "number" ? String(most) : kindOf(most);
    throw argumentError(`"most" must be a whole number from 1 to ${HIGHEST_MOST}, got ${got}.`);
  }
  return most;
}

function parseNames(keys: unknown): string[] {
  if (typeof keys === "string") {
    return [keys];
  }
  const wrong = Array.isArray(keys) ? keys.find((key) => typeof key !== "string") : keys;
  if (!Array.isArray(keys) || keys.some((key) => typeof key !== "string")) {
    throw argumentError(`keys must be a string or a list of strings, got ${kindOf(wrong)}${Array.isArray(keys) ? " in a list" : ""}.`);
  }
  return [...keys];
}

function parseBy(by: unknown): string {
  if (by === undefined) {
    return `pid ${process.pid} on ${hostname()}`;
  }
  if (typeof by !== "string") {
    throw argumentError(`"by" must be a string, got ${kindOf(by)}.`);
  }
  return by;
}

function parseOwner(owner: unknown): string | undefined {
  if (owner !== undefined && typeof owner !== "string") {
    throw argumentError(`"owner" must be a string, got ${kindOf(owner)}.`);
  }
  return owner;
}

function parseToken(token: unknown): number | undefined {
  if (token !== undefined && token !== null && !Number.isSafeInteger(token)) {
    throw argumentError(`"token" must be a whole number, got ${kindOf(token)}.`);
  }
  return (token as number | null | undefined) ?? undefined;
}

function closedError(): LockError {
  return lockError("PROVIDER_CLOSED", "The locking provider was shut down; it takes no more calls.");
}
