// What the addon's inspector answers.

/** @internal A reply of Redis. */
export type Reply = string | number | null | Reply[] | { error: string };

/** @internal What became of one command: its reply, the server's refusal, or why there is no connection. */
export type Outcome = { value: Reply } | { error: string } | { broken: string };

/** @internal What Redis has about one lock. */
export interface StoredLock {
  /** Its name in Redis. */
  key: string;
  /** What the lock key holds; null: nobody has the lock. */
  owner: string | null;
  /** Milliseconds until the lease ends; null: never. */
  leftMs: number | null;
  /** The hold record of a named owner, as it stands. */
  record: string | null;
  /** The 12 digits of the process that holds it, if Redis tells. */
  mark: string | null;
  /** The fencing token, if Redis tells. */
  token: number | null;
  /** The clients that wait, first come first. */
  queue: { client: string; ticket: number }[];
  /** Somebody polls for it. */
  polled: boolean;
}

/** @internal One instance of the provider, as it tells of itself. */
export interface ProcessFacts {
  /** 12 hexadecimal digits, new for each instance. */
  id: string;
  host: string;
  pid: number;
  /** Version of this package. */
  package: string;
  /** Name and version of its runtime: `node 24.1.0`. */
  node: string;
  /** What it calls its connection. */
  connection: string | null;
  /** How it waits: `hand-off`, `polling` or `plain`. */
  mode: string;
  /** Milliseconds for which its event loop has been stuck; null: it is not. */
  stuckMs: number | null;
  /** The options that all instances of a shop should have in common, as text. */
  options: string;
}

/** How sure a process is of a lock that it holds. `unwatched`: nobody there looks at its lease. */
export type HoldState = "held" | "suspect" | "lost" | "unwatched";

/** @internal A lock that a process holds. */
export interface HeldFacts {
  key: string;
  owner: string;
  token: number | null;
  label: string | null;
  heldMs: number;
  leaseMs: number | null;
  leftMs: number | null;
  state: HoldState;
}

/** @internal Calls of one process that wait for a key. */
export interface WaitFacts {
  key: string;
  count: number;
  longestMs: number;
  labels: string[];
}

/** @internal What one process answers. */
export interface ProcessAnswer {
  process: ProcessFacts;
  locks: HeldFacts[];
  /** null: its event loop did not say in time. */
  waits: WaitFacts[] | null;
  /** All parts of the answer came. */
  complete: boolean;
}

/** @internal What all processes answer. */
export interface FleetAnswer {
  /** How many processes the question reached; null: not known, as in a cluster. */
  reached: number | null;
  answers: ProcessAnswer[];
}
