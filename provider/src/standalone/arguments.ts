import { kindOf, parseLabel, parseOwner, parseSignal } from "../client/arguments";
import { argumentError } from "../client/errors";
import type { LockTerms } from "../client/terms";

const SHORTEST_LEASE_MS = 1_000;
/** About 31 years. */
const LONGEST_LEASE_MS = 1e12;
const DEFAULT_LEASE_MS = 60_000;

/** The options of {@link Locks.withLock}. */
export interface LockOptions {
  /** Longest wait for the keys, in milliseconds, including the way to Redis; at least 1, default the client's `waitMs`. Infinity is allowed. */
  waitMs?: number;
  /** Length of the lease, in milliseconds; at least 1000, default 60000. It is renewed for as long as the lock is held. */
  leaseMs?: number;
  /** Withdraws the wait; the call then rejects with the signal's reason. It does not stop a job that has begun. */
  signal?: AbortSignal;
  /** A label for the call, which is shown to people who look at locks; cut to 200 characters. */
  label?: string;
}

/** The options of {@link Locks.acquire}. */
export interface AcquireOptions extends LockOptions {
  /** Whether the lease is renewed until the release; default true. If it is not renewed, the lock ends by itself unless it is extended. */
  renew?: boolean;
  /** The owner of the lock, as the lock key in Redis contains it. The same owner gets its lock again. Default: a new owner for each call. */
  owner?: string;
}

/** The options of {@link Locks.tryAcquire}. */
export interface TryAcquireOptions extends Omit<AcquireOptions, "waitMs"> {
  /** How long to wait for keys that another owner holds, in milliseconds; default 0. */
  waitMs?: number;
}

/** The names of the options of `withLock`. */
const LOCK_OPTIONS: readonly string[] = ["waitMs", "leaseMs", "signal", "label"];
/** The names of the options of `acquire` and `tryAcquire`. */
const ACQUIRE_OPTIONS: readonly string[] = [...LOCK_OPTIONS, "renew", "owner"];
/** Medusa's names for some of them. */
const MEDUSAS_WORDS: ReadonlyMap<string, string> = new Map([
  ["expire", '"leaseMs", in milliseconds'],
  ["timeout", '"waitMs", in milliseconds'],
  ["ownerId", '"owner", for acquire and tryAcquire'],
]);

/** @internal The client's defaults for options that a call does not name. */
export interface Defaults {
  waitMs: number;
  maximumLeaseMs: number;
}

/** @internal The options of `withLock`, each read once. */
export function parseLockOptions(options: unknown, { waitMs, maximumLeaseMs }: Defaults): LockTerms {
  const given = objectOf<LockOptions>(options, LOCK_OPTIONS);
  return {
    waitMs: parseWaitMs(given.waitMs, 1) ?? waitMs,
    leaseMs: Math.min(parseLeaseMs(given.leaseMs), maximumLeaseMs),
    signal: parseSignal(given.signal),
    label: parseLabel(given.label),
  };
}

/** @internal The options of `acquire` and `tryAcquire`, each read once. `refuse` is true for `tryAcquire`. */
export function parseAcquireOptions(options: unknown, { waitMs, maximumLeaseMs }: Defaults, refuse: boolean): ParsedAcquire {
  const { waitMs: wait, leaseMs, signal, label, renew, owner } = objectOf<AcquireOptions>(options, ACQUIRE_OPTIONS);
  if (renew !== undefined && renew !== null && typeof renew !== "boolean") {
    throw argumentError(`"renew" must be true or false, got ${kindOf(renew)}.`);
  }
  const renews = renew ?? true;
  return {
    waitMs: refuse ? (parseWaitMs(wait, 0) ?? 0) : (parseWaitMs(wait, 1) ?? waitMs),
    leaseMs: Math.min(parseLeaseMs(leaseMs), renews ? maximumLeaseMs : Number.POSITIVE_INFINITY),
    signal: parseSignal(signal),
    label: parseLabel(label),
    renews,
    owner: owner === undefined || owner === null ? undefined : parseOwner(owner, "owner"),
  };
}

/** @internal */
export interface ParsedAcquire extends LockTerms {
  renews: boolean;
  owner: string | undefined;
}

/** @internal The length of a lease in milliseconds; 60000 if there is none. */
export function parseLeaseMs(leaseMs: unknown): number {
  if (leaseMs === undefined || leaseMs === null) {
    return DEFAULT_LEASE_MS;
  }
  if (typeof leaseMs !== "number" || !(leaseMs >= SHORTEST_LEASE_MS && leaseMs <= LONGEST_LEASE_MS)) {
    throw argumentError(`"leaseMs" must be a number of milliseconds, at least ${SHORTEST_LEASE_MS}, got ${numberOrKind(leaseMs)}.`);
  }
  return Math.floor(leaseMs);
}

function parseWaitMs(waitMs: unknown, least: number): number | undefined {
  if (waitMs === undefined || waitMs === null) {
    return undefined;
  }
  if (typeof waitMs !== "number" || !(waitMs >= least)) {
    throw argumentError(`"waitMs" must be a number of milliseconds, at least ${least}, got ${numberOrKind(waitMs)}.`);
  }
  return waitMs;
}

function objectOf<T extends object>(options: unknown, known: readonly string[]): T {
  if (options !== undefined && options !== null && (typeof options !== "object" || Array.isArray(options))) {
    throw argumentError(`the options must be an object, got ${kindOf(options)}.`);
  }
  const given = options ?? {};
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const ours = MEDUSAS_WORDS.get(unknown);
    const instead = ours === undefined ? "" : ` Here it is ${ours}.`;
    throw argumentError(`there is no option "${unknown}".${instead} The options are: ${known.join(", ")}.`);
  }
  return given as T;
}

function numberOrKind(value: unknown): string {
  return typeof value === "number" ? String(value) : kindOf(value);
}
