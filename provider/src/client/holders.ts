import type { AwaitedKey, HeldKey, NativeClient, NativeOptions } from "../../../native";
import { loadNative } from "./native";
import { isHoldOf, type StoredHold, type ToldHold } from "./told-hold";
import { partOf, quoted, seconds } from "./words";

/** How long other processes may take to answer, in milliseconds. */
const ANSWER_MS = 300;

/** The answers of processes to the question who holds a key: docs/PROTOCOL.md, "Census". */
interface Census {
  answers?: {
    process: { id: string; host: string; pid: number; stuckMs: number | null };
    locks: (ToldHold & { key: string; label: string | null; heldMs: number })[];
  }[];
}

/** The holders of keys according to Redis. */
interface Reading {
  locks?: (StoredHold & { key: string; leftMs: number | null })[];
}

type Stored = NonNullable<Reading["locks"]>[number];

/** @internal Describes the holder of each key, by key: this process, another process that answers, or the owner in Redis. */
export async function findHolders(native: NativeClient, options: NativeOptions, keys: AwaitedKey[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const held of native.heldKeys(
    keys.map(({ key }) => key),
    0,
    keys.length,
  )) {
    found.set(held.key, ownHolder(held));
  }
  const others = keys.filter(({ key }) => !found.has(key));
  if (others.length === 0) {
    return found;
  }
  const names = others.map(({ fullKey }) => fullKey);
  try {
    const { NativeInspector } = loadNative();
    const inspector = new NativeInspector(options);
    const [census, reading] = await Promise.all([inspector.ask(names, ANSWER_MS), inspector.read(names)]);
    inspector.close();
    const { answers = [] } = JSON.parse(census) as Census;
    const { locks = [] } = JSON.parse(reading) as Reading;
    for (const { key, fullKey } of others) {
      const stored = locks.find((lock) => lock.key === fullKey);
      const holder = stored && (toldHolder(answers, stored) ?? storedHolder(stored));
      if (holder !== undefined) {
        found.set(key, holder);
      }
    }
  } catch {
    // Redis cannot be reached or refuses to answer. The line about the wait is logged all the same.
  }
  return found;
}

/** @internal Describes this process as a holder. */
export function ownHolder({ label, heldMs }: Pick<HeldKey, "label" | "heldMs">): string {
  return `this process, for ${seconds(heldMs)}${label === undefined ? "" : ` (${quoted(label)})`}`;
}

function toldHolder(answers: NonNullable<Census["answers"]>, stored: Stored): string | undefined {
  for (const { process: other, locks } of answers) {
    const lock = locks.find((told) => told.key === stored.key && isHoldOf(stored, told, other.id));
    if (lock) {
      const stuck = other.stuckMs ? `, whose event loop has been stuck for ${seconds(other.stuckMs)}` : "";
      const label = lock.label === null ? "" : ` (${quoted(lock.label)})`;
      return `process ${other.pid} on ${partOf(other.host)}${stuck}, for ${seconds(lock.heldMs)}${label}`;
    }
  }
  return undefined;
}

function storedHolder(lock: Stored): string {
  if (lock.owner === null) {
    return "nobody at this moment";
  }
  const end = lock.leftMs === null ? "its lock has no end" : `its lease ends in ${seconds(lock.leftMs)} unless it is renewed`;
  return `${quoted(lock.owner)}, of a process that does not answer; ${end}`;
}
