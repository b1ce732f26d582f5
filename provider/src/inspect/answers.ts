// What the addon's inspector answers, and what is taken of the answers of other processes: anybody who may publish can write one.

import { shortened } from "../client/words";

/** The longest text of a process that is taken as it is, in characters. */
const MOST_TEXT = 200;
/** The longest line of options. It is compared, and hardly ever shown. */
const MOST_OPTIONS = 2_000;
/** The longest key that a process can bring into a list by waiting for it. Keys of locks that are held come from Redis. */
const MOST_AWAITED_KEY = 1_000;
/** Labels of those who wait for one key. Processes tell no more. */
const MOST_LABELS = 5;

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

const HOLD_STATES = ["held", "suspect", "lost", "unwatched"] as const;

/** How sure a process is of a lock that it holds. `unwatched`: nobody there looks at its lease. */
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
  /** null: a word of another version. */
  state: HoldState | null;
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

/** @internal What one process told, as the addon passes it on: the kinds of values are right, texts may say anything. */
export interface ToldAnswer {
  process: ProcessFacts;
  locks?: (Omit<HeldFacts, "state"> & { state: string })[];
  waits?: WaitFacts[] | null;
  complete?: boolean;
}

/** @internal An answer with texts of a sane length and states that there are. Another version may lack a list. */
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
