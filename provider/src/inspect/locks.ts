import type { FleetAnswer, HeldFacts, ProcessAnswer, ProcessFacts, StoredLock, WaitFacts } from "./answers";
import { InspectionError, type Inspector } from "./inspector";
import type { LockKind, LockList, LockProcess, LockStatus, LockWaiters } from "./lock-status";

/** How long a process has for its answer, in milliseconds. */
export const ANSWER_WAIT_MS = 300;

/** @internal The locks in the namespace `prefix`, at most `most`. Throws InspectionError. */
export async function listLocks(inspector: Inspector, prefix: string, most: number): Promise<LockList> {
  const [{ keys, more }, fleet] = await Promise.all([inspector.scan(most), askFleet(inspector, null)]);
  // They come first: who is waited for is what an operator looks for. A lock that is free for a moment is no key in Redis.
  const waitedFor = fleet.answers.flatMap(({ waits }) => (waits ?? []).map(({ key }) => key));
  const names = new Set([...waitedFor.filter((key) => key.startsWith(prefix)), ...keys]);
  const stored = await inspector.read([...names].slice(0, most));
  return listOfLocks(stored, fleet, prefix, more || names.size > most);
}

/** @internal One lock, by the name that callers give it; undefined: nobody has it and nobody waits for it. Throws InspectionError. */
export async function findLock(inspector: Inspector, prefix: string, key: string): Promise<LockStatus | undefined> {
  const names = [prefix + key];
  const [stored, fleet] = await Promise.all([inspector.read(names), askFleet(inspector, names)]);
  return listOfLocks(stored, fleet, prefix, false).locks[0];
}

interface Fleet extends FleetAnswer {
  unasked: string | null;
}

/** What Redis has is worth telling, also where processes cannot be asked (no right to subscribe, say). */
async function askFleet(inspector: Inspector, keys: string[] | null): Promise<Fleet> {
  try {
    return { ...(await inspector.ask(keys, ANSWER_WAIT_MS)), unasked: null };
  } catch (error) {
    // A server that is not there is told by what is asked at the same time.
    if (!(error instanceof InspectionError)) {
      throw error;
    }
    return { reached: 0, answers: [], unasked: error.message };
  }
}

function listOfLocks(stored: StoredLock[], fleet: Fleet, prefix: string, more: boolean): LockList {
  const locks = stored.map((lock) => statusOf(lock, fleet, prefix)).filter(({ kind, waiters }) => kind !== "free" || waiters.count > 0);
  locks.sort((a, b) => b.waiters.longestMs - a.waiters.longestMs || (a.key < b.key ? -1 : 1));
  return { locks, more, processes: fleet.answers.length, unasked: fleet.unasked };
}

function statusOf(lock: StoredLock, fleet: Fleet, prefix: string): LockStatus {
  const held = holdOf(lock, fleet.answers);
  const answer = held?.answer ?? fleet.answers.find(({ process }) => lock.mark !== null && process.id === lock.mark);
  const kind = kindOf(lock.owner);
  return {
    key: lock.key.startsWith(prefix) ? lock.key.slice(prefix.length) : lock.key,
    owner: lock.owner,
    kind,
    token: held?.facts.token ?? lock.token,
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

/** The hold that stands in Redis, among those that processes tell of. Several of one owner are one lock: the last has the newest label. */
function holdOf(lock: StoredLock, answers: ProcessAnswer[]): { answer: ProcessAnswer; facts: HeldFacts } | undefined {
  if (lock.owner === null) {
    return undefined;
  }
  const holds = answers.flatMap((answer) =>
    answer.locks.filter(({ key, owner }) => key === lock.key && owner === lock.owner).map((facts) => ({ answer, facts })),
  );
  const rank = ({ answer, facts }: (typeof holds)[number]) =>
    (facts.state === "lost" ? 0 : 4) + (facts.token === lock.token ? 2 : 0) + (answer.process.id === lock.mark ? 1 : 0);
  return holds.sort((a, b) => rank(b) - rank(a) || a.facts.heldMs - b.facts.heldMs)[0];
}

function waitersOf(lock: StoredLock, fleet: Fleet): LockStatus["waiters"] {
  const told = fleet.answers.flatMap(({ process, waits }) => waitsOf(process, waits ?? [], lock.key));
  const processes = told.sort((a, b) => b.longestMs - a.longestMs);
  const isSilent = fleet.unasked !== null || fleet.answers.some(({ waits, complete }) => waits === null || !complete);
  return {
    count: processes.reduce((sum, { count }) => sum + count, 0),
    longestMs: processes[0]?.longestMs ?? 0,
    processes,
    clients: lock.queue.length,
    unknown: isSilent || lock.polled || lock.queue.length > processes.length,
  };
}

function waitsOf({ host, pid }: ProcessFacts, waits: WaitFacts[], name: string): LockWaiters[] {
  return waits
    .filter(({ key, count }) => key === name && count > 0)
    .map(({ count, longestMs, labels }) => ({ host, pid, count, longestMs, labels }));
}

function told({ host, pid, package: version, node, connection, mode, stuckMs }: ProcessFacts): LockProcess {
  return { host, pid, package: version, node, connection, mode, stuckMs };
}

/** @internal What kind of owner that is. */
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
