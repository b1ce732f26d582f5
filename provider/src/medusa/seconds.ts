import { kindOf } from "../client/arguments";
import { argumentError } from "../client/errors";

/** Longest lease, in seconds: about 31 years. */
const LONGEST_EXPIRE_S = 1e9;
/** Lease of `execute` when the caller names none, in seconds. */
const DEFAULT_EXECUTE_EXPIRE_S = 60;

/** Lease of `acquire` with `renew` when the caller names none, in ms. */
const DEFAULT_RENEWED_LEASE_MS = 60_000;

/** Lease of `execute` in ms: `expire` seconds, at least 1; 60 if there is none or it is NaN. */
export function executeLeaseMs(expire: unknown): number {
  const seconds = Math.max(toNumber("expire", expire) ?? DEFAULT_EXECUTE_EXPIRE_S, 1);
  return leaseMs(Number.isNaN(seconds) ? DEFAULT_EXECUTE_EXPIRE_S : seconds);
}

/** Lease of `acquire` in ms: 0 (no lease) if `expire` is missing, 0 or NaN; else at least 1 s. */
export function acquireLeaseMs(expire: unknown): number {
  const seconds = toNumber("expire", expire);
  // The text "0" does not mean "no value": it means the shortest lease, as with the official package.
  return seconds || expire === "0" ? leaseMs(Math.max(seconds ?? 0, 1)) : 0;
}

/** Lease of a renewed lock: as {@link acquireLeaseMs}, but there is always a lease. */
export function renewedLeaseMs(expire: unknown): number {
  return acquireLeaseMs(expire) || DEFAULT_RENEWED_LEASE_MS;
}

/** Longest wait in ms: `timeout` seconds, at least 1; `fallbackS` if there is none; 1 s for NaN. May be Infinity. */
export function waitMs(timeout: unknown, fallbackS: number): number {
  const seconds = Math.max(toNumber("timeout", timeout) ?? fallbackS, 1);
  return (Number.isNaN(seconds) ? 1 : seconds) * 1000;
}

function leaseMs(seconds: number): number {
  if (seconds > LONGEST_EXPIRE_S) {
    throw argumentError(`"expire" must be at most ${LONGEST_EXPIRE_S} seconds, got ${seconds}.`);
  }
  return Math.floor(seconds * 1000);
}

/** Accepts numbers, and strings that are numbers, as the official package does. */
function toNumber(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null || typeof value === "number") {
    return value ?? undefined;
  }
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
  if (Number.isNaN(number)) {
    throw argumentError(`"${name}" must be a number of seconds, got ${kindOf(value)}.`);
  }
  return number;
}
