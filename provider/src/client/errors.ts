/**
 * The kind of an error, as `error.code`. The codes stay the same across versions.
 *
 * | code | `MedusaError` type | when |
 * |---|---|---|
 * | `LOCK_NOT_ACQUIRED` | conflict | another owner holds a key, and the call did not wait or its wait has ended |
 * | `LOCK_TIMEOUT` | conflict | the time to wait is over |
 * | `LOCK_NOT_REPLICATED` | unexpected_state | too few replicas acknowledged the lock in time (option `safety`); it was given back |
 * | `LOCK_SELF_DEADLOCK` | conflict | a job around the call holds the key (option `detectSelfDeadlock`); `cause` has the chain |
 * | `LOCK_LOST` | conflict | the lock of a running job is no longer its own |
 * | `LOCK_RELEASED` | conflict | `assertHeld()` after the lock was given back |
 * | `INVALID_ARGUMENT` | invalid_data | an argument that cannot be used |
 * | `INVALID_OPTION` | invalid_data | an option that cannot be used, at boot |
 * | `REDIS_UNREACHABLE` | locking_error | Redis was not reached in `maxRetriesPerRequest` reconnects, nor for as long as the call could wait |
 * | `REDIS_TIMEOUT` | locking_error | a command took longer than `commandTimeout` ("Command timed out") |
 * | `REDIS_REFUSED` | locking_error | Redis answered with an error; `cause` has its text |
 * | `REDIS_AUTH_FAILED` | locking_error | Redis refused the user name or password |
 * | `PROVIDER_CLOSED` | locking_error | a call after `shutdown()` |
 * | `INTERNAL` | locking_error | a fault in this package |
 *
 * Medusa's error handler does not show the text of a `locking_error` to HTTP clients; the log has it. A wait that the caller's `signal` ends
 * rejects with the signal's own reason.
 */
export type LockErrorCode =
  | "LOCK_NOT_ACQUIRED"
  | "LOCK_TIMEOUT"
  | "LOCK_NOT_REPLICATED"
  | "LOCK_SELF_DEADLOCK"
  | "LOCK_LOST"
  | "LOCK_RELEASED"
  | "INVALID_ARGUMENT"
  | "INVALID_OPTION"
  | "REDIS_UNREACHABLE"
  | "REDIS_TIMEOUT"
  | "REDIS_REFUSED"
  | "REDIS_AUTH_FAILED"
  | "PROVIDER_CLOSED"
  | "INTERNAL";

/** The beginning of the message of ioredis' MaxRetriesPerRequestError. */
const RECONNECT_LIMIT_TEXT = "Reached the max retries per request limit";

/**
 * The type of errors that are not about a lock. Medusa's error handler does not know this type, so HTTP clients read "An unknown error occurred."
 * With a known type they would read Redis' text, which may contain names of keys.
 */
const HIDDEN = "locking_error";

/** The types have the names of `MedusaError.Types`. */
const TYPE_OF_CODE: Record<LockErrorCode, string> = {
  LOCK_NOT_ACQUIRED: "conflict",
  LOCK_TIMEOUT: "conflict",
  LOCK_NOT_REPLICATED: "unexpected_state",
  LOCK_SELF_DEADLOCK: "conflict",
  LOCK_LOST: "conflict",
  LOCK_RELEASED: "conflict",
  INVALID_ARGUMENT: "invalid_data",
  INVALID_OPTION: "invalid_data",
  REDIS_UNREACHABLE: HIDDEN,
  REDIS_TIMEOUT: HIDDEN,
  REDIS_REFUSED: HIDDEN,
  REDIS_AUTH_FAILED: HIDDEN,
  PROVIDER_CLOSED: HIDDEN,
  INTERNAL: HIDDEN,
};

/**
 * The error of every failed call: it has a stable code and the keys that it is about. It has the fields of a `MedusaError`. If Medusa's part of the
 * package is loaded, it is a `MedusaError`. The same class serves with and without Medusa.
 */
export class LockError extends Error {
  /** A field of every `MedusaError`. */
  readonly __isMedusaError = true;
  /** The type of the `MedusaError`; see {@link LockErrorCode}. */
  type: string;
  /** The stable code. */
  code: LockErrorCode;
  /** The time of the error. */
  date = new Date();
  /** The keys concerned, as the caller named them; empty if the error is not about keys. */
  keys: string[];

  /** @internal See {@link lockError}. */
  constructor(code: LockErrorCode, message: string, keys: string[]) {
    super(message);
    // A MedusaError's message is enumerable, so it is part of its JSON.
    Object.defineProperty(this, "message", { enumerable: true });
    this.type = TYPE_OF_CODE[code];
    this.code = code;
    this.keys = keys;
  }
}

/** @internal Whether Medusa hides an error of this code from its clients. */
export function isHidden(code: LockErrorCode): boolean {
  return TYPE_OF_CODE[code] === HIDDEN;
}

/** Makes the error of a failed call. `cause` is the reason behind it, for the error's `cause` property. */
export function lockError(code: LockErrorCode, message: string, keys: string[] = [], cause?: string): LockError {
  const error = new LockError(code, message, keys);
  if (cause !== undefined) {
    error.cause = new Error(cause);
  }
  if (code === "REDIS_UNREACHABLE" && message.startsWith(RECONNECT_LIMIT_TEXT)) {
    // Code that was written for ioredis looks for this name.
    error.name = "MaxRetriesPerRequestError";
  }
  return error;
}

/** @internal The addon's names for the reasons why a lock is lost; `closed`: its client was closed before the release. */
export type LossKind = "lapsed" | "stuck" | "ended" | "taken-away" | "released" | "closed";

/** `by` and `because` add details if they are known. */
const LOSSES: Record<LossKind, string> = {
  lapsed: "its lease could not be renewed before it expired. The log says why.",
  stuck: "its lease was not renewed, since the event loop was stuck for too long.",
  ended: 'its lease is over, and "renew" was not asked for.',
  "taken-away":
    "Redis does not have it any more as this hold's. It was released by its owner's name, taken by releaseAll, deleted, or lost with the data of Redis.",
  released: "it was released by hand.",
  closed: "the locking provider was shut down, so the lock is not renewed any more.",
};

const LONGER_LEASE = 'With a longer "leaseMs" there is more time for that.';

/** The reason why a lock is lost, as a sentence. `said`: who released it, or why it was not renewed. */
function happened(what: LossKind, said: string | undefined): string {
  if (said === undefined) {
    return LOSSES[what];
  }
  switch (what) {
    case "lapsed":
      return `its lease could not be renewed before it expired: ${said}.`;
    case "stuck":
      return `its lease was not renewed: ${said}.`;
    default:
      return `it was released by hand, by ${said}.`;
  }
}

/** @internal The call that took a lock. `withLock` belongs to the client without Medusa. */
export type TakenBy = "execute" | "withLock" | "acquire";

/**
 * @internal The error of a lost lock. For a job of `execute` its text is the official package's, and its cause gives the reason. The official
 * package has no release by hand and no shutdown, so the text itself gives these two reasons.
 */
export function lostError(keys: string[], what: LossKind, takenBy: TakenBy, said?: string): LockError {
  const lost = `Lost the lock for key(s) "${keys.join('", "')}"`;
  const reason = `${lost}: ${happened(what, said)}`;
  if (takenBy === "withLock") {
    return lockError("LOCK_LOST", what === "lapsed" ? `${reason} ${LONGER_LEASE}` : reason, keys, reason);
  }
  if (takenBy === "acquire") {
    return lockError("LOCK_LOST", reason, keys);
  }
  if (what === "released" || what === "closed") {
    return lockError("LOCK_LOST", `${lost} while the job was still running: ${happened(what, said)}`, keys, reason);
  }
  const message = `${lost} while the job was still running: the lease expired before it could be renewed. Increase "expire" if the job is expected to run this long.`;
  return lockError("LOCK_LOST", message, keys, reason);
}

/** The error of an argument that cannot be used. */
export function argumentError(message: string, keys: string[] = []): LockError {
  return lockError("INVALID_ARGUMENT", message, keys);
}

/** The error of an option that cannot be used. `trouble` follows the option's name; it never holds the value. */
export function optionError(option: string, trouble: string): LockError {
  return lockError("INVALID_OPTION", `Option "${option}" of the "locking-redis" provider ${trouble}.`);
}
