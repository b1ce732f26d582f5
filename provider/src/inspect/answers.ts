// The answers of the addon's inspector, and the parts that are used of other processes' answers. Anybody who may publish can write such an answer,
// so its texts are limited.

import { shortened } from "../client/words";

/** The longest text from another process, in characters. Longer texts are shortened. */
const MOST_TEXT = 200;
/** The longest text of options. It is compared, and hardly ever shown. */
const MOST_OPTIONS = 2_000;
/** The longest key that a process can add to a list by waiting for it. Keys of held locks come from Redis. */
const MOST_AWAITED_KEY = 1_000;
/** The most labels of calls that wait for one key. Processes tell no more. */
const MOST_LABELS = 5;

/** @internal A reply of Redis. */
export type Reply = string | number | null | Reply[] | { error: string };

/** @internal The outcome of one command: its reply, the server's refusal, or the reason why there is no connection. */
export type Outcome = { value: Reply } | { error: string } | { broken: string };

/** @internal One lock according to Redis. */
export interface StoredLock {
  /** The key's name in Redis. */
  key: string;
  /** The value of the lock key; null: nobody has the lock. */
  owner: string | null;
  /** Milliseconds until the lease ends; null: never. */
  leftMs: number | null;
  /** The hold record of a named owner, unparsed. */
  record: string | null;
  /** The process mark of its holder, if Redis tells it. */
  mark: string | null;
  /** The fencing token, if Redis tells it. */
  token: number | null;
  /** The clients in the queue, the first one first. */
  queue: { client: string; ticket: number }[];
  /** Somebody polls for the lock. */
  polled: boolean;
}

/** @internal One instance of the provider, according to itself. */
export interface ProcessFacts {
  /** The process mark: 12 hexadecimal digits, new for each instance. */
  id: string;
  host: string;
  pid: number;
  /** Version of this package. */
  package: string;
  /** Name and version of its runtime: `node 24.1.0`. */
  node: string;
  /** The name of its connection. */
  connection: string | null;
  /** How it waits for locks: `hand-off`, `polling` or `plain`. */
  mode: string;
  /** How long its event loop has been stuck, in milliseconds; null: it is not stuck. */
  stuckMs: number | null;
  /** The options that all instances of a shop should have in common, as text. */
  options: string;
}

const HOLD_STATES = ["held", "suspect", "lost", "unwatched"] as const;

/** How sure a process is of a lock that it holds. `unwatched`: the process does not watch the lease. */
export type HoldState = (typeof HOLD_STATES)[number];

/** @internal A lock that a process holds. */
export interface HeldFacts {
  key: string;
  owner: string;
  token: number | null;
  label: string | null;
  heldMs: number;
  leaseMs: number | null;
  leftMs: number | null;
  /** null: another version sent an unknown word. */
  state: HoldState | null;
}

/** @internal Calls of one process that wait for a key. */
export interface WaitFacts {
  key: string;
  count: number;
  longestMs: number;
  labels: string[];
}

/** @internal The answer of one process. */
export interface ProcessAnswer {
  process: ProcessFacts;
  locks: HeldFacts[];
  /** null: its event loop did not answer in time. */
  waits: WaitFacts[] | null;
  /** All parts of the answer arrived. */
  complete: boolean;
}

/** @internal The answers of all processes. */
export interface FleetAnswer {
  /** How many processes the question reached; null: not known, as in a cluster. */
  reached: number | null;
  answers: ProcessAnswer[];
}

/** @internal The answer of one process as the addon passes it on. The kinds of its values are right, but its texts may contain anything. */
export interface ToldAnswer {
  process: ProcessFacts;
  locks?: (Omit<HeldFacts, "state"> & { state: string })[];
  waits?: WaitFacts[] | null;
  complete?: boolean;
}

/** @internal The answer with texts of limited length and only known states. An answer of another version may lack a list. */
export function readAnswer({ process, locks = [], waits, complete = false }: ToldAnswer): ProcessAnswer {
  const named = waits?.filter(({ key }) => key.length <= MOST_AWAITED_KEY);
  return {
    process: {
      ...process,
      host: text(process.host),
      package: text(process.package),
      node: text(process.node),
      connection: process.connection === null ? null : text(process.connection),
      mode: text(process.mode),
      options: shortened(process.options ?? "", MOST_OPTIONS),
    },
    locks: locks.map((lock) => ({ ...lock, label: lock.label === null ? null : text(lock.label), state: stateOf(lock.state) })),
    waits: named?.map((wait) => ({ ...wait, labels: wait.labels.slice(0, MOST_LABELS).map(text) })) ?? null,
    complete: complete && named?.length === waits?.length,
  };
}

function text(told: string): string {
  return shortened(told, MOST_TEXT);
}

function stateOf(told: string): HoldState | null {
  return HOLD_STATES.find((state) => state === told) ?? null;
}
