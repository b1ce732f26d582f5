import type { HoldState } from "./answers";

/**
 * The kinds of owners of a lock:
 * - `execute`: a job of `execute`, of this package;
 * - `named`: an `acquire` with an `ownerId`;
 * - `ownerless`: an `acquire` without one;
 * - `grant`: the lock is being handed over to a waiter, which takes at most 2 s;
 * - `official`: a job of `execute` of `@medusajs/locking-redis`;
 * - `free`: nobody has the lock, but somebody waits for it.
 */
export type LockKind = "execute" | "named" | "ownerless" | "grant" | "official" | "free";

/** One instance of the provider, or of the standalone client, according to itself. */
export interface LockProcess {
  /** The name of its machine. */
  host: string;
  /** Its process id. */
  pid: number;
  /** The version of this package in that process. */
  package: string;
  /** Name and version of its runtime: `node 24.1.0`. */
  node: string;
  /** The name of its connection; null: none. */
  connection: string | null;
  /** How it waits for locks: `hand-off`, `polling` or `plain`. */
  mode: string;
  /** How long its event loop has been stuck, in milliseconds; null: it is not stuck. */
  stuckMs: number | null;
}

/** The calls of one process that wait for one lock. */
export interface LockWaiters {
  /** The name of its machine. */
  host: string;
  /** Its process id. */
  pid: number;
  /** The number of calls. */
  count: number;
  /** The longest wait until now, in milliseconds. */
  longestMs: number;
  /** Their labels, each once. */
  labels: string[];
}

/** All that can be known about one lock. */
export interface LockStatus {
  /** The key as callers name it, without the namespace. */
  key: string;
  /** The owner, as the lock key in Redis contains it; null: nobody has the lock. */
  owner: string | null;
  /** The kind of the owner. */
  kind: LockKind;
  /** The fencing token; null: there is none, or it is not known. */
  token: number | null;
  /** Milliseconds until Redis frees the lock if nobody renews it; null: never, or nobody has it. */
  leaseLeftMs: number | null;
  /** The process that holds it; null: not known. */
  holder: LockProcess | null;
  /**
   * Whether that process answers; null: not known, because Redis does not tell the holder or no process could be asked. false does not mean that
   * the process is dead: it may be cut off or stand still. A process that polls, has an older version, or may not subscribe to `mlr!?` never
   * answers.
   */
  holderAnswers: boolean | null;
  /** The label of the call that took the lock; null: it has none, or it is not known. */
  label: string | null;
  /** Milliseconds since the lock was taken; null: not known. */
  heldMs: number | null;
  /** The whole lease, in milliseconds; null: none, or it is not known. */
  leaseMs: number | null;
  /** The state of the lock according to its holder; null: not known. */
  state: HoldState | null;
  /** The calls that wait for it. */
  waiters: {
    /** The number of calls that are known to wait. */
    count: number;
    /** The longest wait, in milliseconds; 0: nobody is known to wait. */
    longestMs: number;
    /** The processes that say for whom they wait. */
    processes: LockWaiters[];
    /** The number of clients in the queue in Redis. */
    clients: number;
    /** True if more calls may wait: a process did not answer, or somebody polls. */
    unknown: boolean;
  };
}

/** Locks, and how complete the list is. */
export interface LockList {
  /** The locks: those with the longest waits come first, all others follow by key. */
  locks: LockStatus[];
  /** True if there are more locks than were asked for. */
  more: boolean;
  /** The number of processes that answered. */
  processes: number;
  /** Why processes could not be asked; null: they could be asked. Without their answers hosts, labels and waiters are not known. */
  unasked: string | null;
}
