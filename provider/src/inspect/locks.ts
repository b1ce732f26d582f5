import { isHoldOf, isUniqueOwner } from "../client/told-hold";
import type { FleetAnswer, HeldFacts, ProcessAnswer, ProcessFacts, StoredLock } from "./answers";
import { InspectionError, type Inspector } from "./inspector";
import type { LockKind, LockList, LockProcess, LockStatus, LockWaiters } from "./lock-status";

/** How long a process may take to answer, in milliseconds. */
export const ANSWER_WAIT_MS = 300;

/** The most locks that are searched for waiters if a process does not tell for which locks it waits. */
const MOST_LOOKED_AT = 100_000;

/** @internal The locks in the namespace `prefix`, at most `most`. Throws InspectionError. */
export async function listLocks(inspector: Inspector, prefix: string, most: number): Promise<LockList> {
  const [scanned, fleet] = await Promise.all([inspector.scan(most), askFleet(inspector, null)]);
  return await listScanned(inspector, prefix, most, scanned, fleet);
}

/** @internal The locks that calls wait for, the longest wait first, at most `most`. Throws InspectionError. */
export async function listWaited(inspector: Inspector, prefix: string, most: number): Promise<LockList> {
  const fleet = await askFleet(inspector, null);
  if (isSilent(fleet)) {
    // The queues in Redis show clients of processes that did not answer.
    const scanned = await inspector.scan(MOST_LOOKED_AT);
    const all = await listScanned(inspector, prefix, MOST_LOOKED_AT, scanned, fleet);
    const waited = all.locks.filter(({ waiters }) => waiters.count > 0 || waiters.clients > 0);
    return { ...all, locks: waited.slice(0, most), more: waited.length > most };
  }
  const longest = [...toldBy(fleet).waits].filter(([key]) => key.startsWith(prefix)).sort(([, a], [, b]) => longestOf(b) - longestOf(a));
  const stored = await inspector.read(longest.slice(0, most).map(([key]) => key));
  return listOfLocks(stored, fleet, prefix, longest.length > most);
}

async function listScanned(
  inspector: Inspector,
  prefix: string,
  most: number,
  { keys, more }: { keys: string[]; more: boolean },
  fleet: Fleet,
): Promise<LockList> {
  // Locks with waiters come first, because operators look for these locks. A lock that is free for a moment has no key in Redis.
  const waitedFor = fleet.answers.flatMap(({ waits }) => (waits ?? []).map(({ key }) => key));
  const names = new Set([...waitedFor.filter((key) => key.startsWith(prefix)), ...keys]);
  const stored = await inspector.read([...names].slice(0, most));
  return listOfLocks(stored, fleet, prefix, more || names.size > most);
}

/** @internal One lock, by the name that callers use; undefined: nobody has it and nobody waits for it. Throws InspectionError. */
export async function findLock(inspector: Inspector, prefix: string, key: string): Promise<LockStatus | undefined> {
  const names = [prefix + key];
  const [stored, fleet] = await Promise.all([inspector.read(names), askFleet(inspector, names)]);
  return listOfLocks(stored, fleet, prefix, false).locks[0];
}

/** @internal The answers of processes, or why they could not be asked. */
export interface Fleet extends FleetAnswer {
  unasked: string | null;
}

/** Asks the processes. If they cannot be asked (for example because the user may not subscribe), the facts from Redis are still useful. */
async function askFleet(inspector: Inspector, keys: string[] | null): Promise<Fleet> {
  try {
    return { ...(await inspector.ask(keys, ANSWER_WAIT_MS)), unasked: null };
  } catch (error) {
    // If the server cannot be reached, the question to Redis that runs at the same time fails and reports it.
    if (!(error instanceof InspectionError)) {
      throw error;
    }
    return { reached: 0, answers: [], unasked: error.message };
  }
}

/** Whether a process that did not answer may have waiters. */
function isSilent({ answers, unasked }: Fleet): boolean {
  return unasked !== null || answers.some(({ waits, complete }) => waits === null || !complete);
}

/** @internal These locks with all known facts, without those that nobody has and nobody waits for. */
export function listOfLocks(stored: StoredLock[], fleet: Fleet, prefix: string, more: boolean): LockList {
  const told = toldBy(fleet);
  const locks = stored.map((lock) => statusOf(lock, told, prefix)).filter(({ kind, waiters }) => kind !== "free" || waiters.count > 0);
  locks.sort((a, b) => b.waiters.longestMs - a.waiters.longestMs || (a.key < b.key ? -1 : 1));
  return { locks, more, processes: fleet.answers.length, unasked: fleet.unasked };
}

/** A hold according to a process. */
interface ToldHold {
  answer: ProcessAnswer;
  facts: HeldFacts;
}

/** The answers of processes in maps, because there may be as many holds as locks. */
interface Told {
  /** By the lock's name in Redis. */
  holds: Map<string, ToldHold[]>;
  /** By the lock's name in Redis, the longest wait first. */
  waits: Map<string, LockWaiters[]>;
  /** By the process mark. */
  processes: Map<string, ProcessAnswer>;
  isSilent: boolean;
  unasked: string | null;
}

function toldBy(fleet: Fleet): Told {
  const holds = new Map<string, ToldHold[]>();
  const waits = new Map<string, LockWaiters[]>();
  for (const answer of fleet.answers) {
    const { host, pid } = answer.process;
    for (const facts of answer.locks) {
      listAt(holds, facts.key).push({ answer, facts });
    }
    for (const { key, count, longestMs, labels } of answer.waits ?? []) {
      if (count > 0) {
        listAt(waits, key).push({ host, pid, count, longestMs, labels });
      }
    }
  }
  for (const list of waits.values()) {
    list.sort((a, b) => b.longestMs - a.longestMs);
  }
  const processes = new Map(fleet.answers.map((answer) => [answer.process.id, answer]));
  return { holds, waits, processes, isSilent: isSilent(fleet), unasked: fleet.unasked };
}

function listAt<T>(lists: Map<string, T[]>, key: string): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

function longestOf(waiters: LockWaiters[]): number {
  return waiters[0]?.longestMs ?? 0;
}

function statusOf(lock: StoredLock, fleet: Told, prefix: string): LockStatus {
  const held = holdOf(lock, fleet.holds.get(lock.key) ?? []);
  const answer = held?.answer ?? (lock.mark === null ? undefined : fleet.processes.get(lock.mark));
  return {
    key: lock.key.startsWith(prefix) ? lock.key.slice(prefix.length) : lock.key,
    owner: lock.owner,
    kind: kindOf(lock.owner),
    token: lock.token ?? (lock.owner !== null && isUniqueOwner(lock.owner) ? (held?.facts.token ?? null) : null),
    leaseLeftMs: lock.owner === null ? null : lock.leftMs,
    holder: answer ? told(answer.process) : null,
    holderAnswers: answer ? true : lock.mark === null || fleet.unasked !== null ? null : false,
    label: held?.facts.label ?? null,
    heldMs: held?.facts.heldMs ?? null,
    leaseMs: held?.facts.leaseMs ?? null,
    state: held?.facts.state ?? null,
    waiters: waitersOf(lock, fleet),
  };
}

/** The hold that is in Redis, among those that processes report. Several holds of one owner are one lock; the last of them has the newest label. */
function holdOf(lock: StoredLock, all: ToldHold[]): ToldHold | undefined {
  const holds = all.filter(({ answer, facts }) => isHoldOf(lock, facts, answer.process.id));
  const rank = ({ answer, facts }: ToldHold) =>
    (facts.state === "lost" ? 0 : 4) + (facts.token === lock.token ? 2 : 0) + (answer.process.id === lock.mark ? 1 : 0);
  return holds.sort((a, b) => rank(b) - rank(a) || a.facts.heldMs - b.facts.heldMs)[0];
}

function waitersOf(lock: StoredLock, fleet: Told): LockStatus["waiters"] {
  const processes = fleet.waits.get(lock.key) ?? [];
  return {
    count: processes.reduce((sum, { count }) => sum + count, 0),
    longestMs: longestOf(processes),
    processes,
    clients: lock.queue.length,
    unknown: fleet.isSilent || lock.polled || lock.queue.length > processes.length,
  };
}

function told({ host, pid, package: version, node, connection, mode, stuckMs }: ProcessFacts): LockProcess {
  return { host, pid, package: version, node, connection, mode, stuckMs };
}

/** @internal The kind of this owner. */
export function kindOf(owner: string | null): LockKind {
  if (owner === null) {
    return "free";
  }
  if (owner === "*") {
    return "ownerless";
  }
  if (owner.startsWith("grant:")) {
    return "grant";
  }
  const [, version] = /^execute:[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/i.exec(owner) ?? [];
  return version === "8" ? "execute" : version === "4" ? "official" : "named";
}
