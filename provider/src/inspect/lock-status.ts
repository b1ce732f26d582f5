import type { HoldState } from "./answers";

/**
 * What kind of owner a lock has:
 * - `execute`: a job of `execute`, of this package;
 * - `named`: an `acquire` with an `ownerId`;
 * - `ownerless`: an `acquire` without one;
 * - `grant`: it is being handed over to a waiter, which takes 2 s at most;
 * - `official`: a job of `execute` of `@medusajs/locking-redis`;
 * - `free`: nobody has it, but somebody waits for it.
 */
export type LockKind = "execute" | "named" | "ownerless" | "grant" | "official" | "free";

/** One instance of the provider, or of the standalone client, as it tells of itself. */
export interface LockProcess {
  /** The name of its machine. */
  host: string;
  /** Its process id. */
  pid: number;
  /** Version of this package there. */
  package: string;
  /** Name and version of the runtime there: `node 24.1.0`. */
  node: string;
  /** The name of its connection; null: none. */
  connection: string | null;
  /** How it waits for locks: `hand-off`, `polling` or `plain`. */
  mode: string;
  /** For how many milliseconds its event loop has been stuck; null: it is not stuck. */
  stuckMs: number | null;
}

/** The calls of one process that wait for one lock. */
export interface LockWaiters {
  /** The name of its machine. */
  host: string;
  /** Its process id. */
  pid: number;
  /** How many calls. */
  count: number;
  /** The longest wait until now, in milliseconds. */
  longestMs: number;
  /** Their labels, each once. */
  labels: string[];
}

/** Everything that can be known of one lock. */
export interface LockStatus {
  /** The key as callers name it, without the namespace. */
  key: string;
  /** The owner as it stands in Redis; null: nobody has the lock. */
  owner: string | null;
  /** What kind of owner that is. */
  kind: LockKind;
  /** The fencing token; null: there is none, or it is not known. */
  token: number | null;
  /** Milliseconds until Redis frees the lock if nobody renews it; null: never, or nobody has it. */
  leaseLeftMs: number | null;
  /** The process that holds it; null: not known. */
  holder: LockProcess | null;
  /**
   * Whether that process answers; null: it cannot be known who holds the lock. false does not mean dead: the process may be cut off or stand
   * still, and one that polls, has an older version, or may not subscribe to `mlr!?` never answers.
   */
  holderAnswers: boolean | null;
  /** What the call was labelled with; null: with nothing, or it is not known. */
  label: string | null;
  /** Milliseconds since the lock was taken; null: not known. */
  heldMs: number | null;
  /** The whole lease, in milliseconds; null: none, or it is not known. */
  leaseMs: number | null;
  /** What the holder thinks of its lock; null: not known. */
  state: HoldState | null;
  /** Who waits for it. */
  waiters: {
    /** How many calls are known to wait. */
    count: number;
    /** The longest wait, in milliseconds; 0: nobody is known to wait. */
    longestMs: number;
    /** Those processes that say for whom they wait. */
    processes: LockWaiters[];
    /** How many clients stand in the queue in Redis. */
    clients: number;
    /** More may wait than are counted: a process did not tell, or somebody polls. */
    unknown: boolean;
  };
}

/** Locks, and how complete the list is. */
export interface LockList {
  /** Those that somebody has waited for longest come first, then by key. */
  locks: LockStatus[];
  /** There are more locks than were asked for. */
  more: boolean;
  /** How many processes answered. */
  processes: number;
  /** Why processes could not be asked; null: they could. Without them nobody knows hosts, labels and waiters. */
  unasked: string | null;
}
