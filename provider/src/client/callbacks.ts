import type { LockError } from "./errors";
import { guarded, type Log, textOf } from "./guard";
import type { Lock } from "./lock";
import { onAbort } from "./signals";

/** @internal The functions in `redisOptions` that the addon calls. */
export interface Callbacks {
  retryStrategy?: (times: number) => unknown;
  sentinelRetryStrategy?: (times: number) => unknown;
  reconnectOnError?: (error: Error) => unknown;
}

/** @internal The answer to an error reply. */
export enum Verdict {
  Nothing = 0,
  Reconnect = 1,
  ReconnectAndResend = 2,
}

/**
 * @internal Asks one of the two strategies for the pause before attempt `times`, in milliseconds. `undefined` means never again. As with ioredis, a
 * value that is no number means never. An exception and an endless pause mean never, too.
 */
export function askPauseMs(
  callbacks: Callbacks,
  strategy: "retryStrategy" | "sentinelRetryStrategy",
  times: number,
  log: Log,
): number | undefined {
  const pauseMs = guarded(
    () => callbacks[strategy]?.(times),
    (error) =>
      log.error(`redisOptions.${strategy} threw an error, so provider "locking-redis" connects to Redis no more: ${textOf(error)}`),
  );
  return typeof pauseMs === "number" && pauseMs !== Number.POSITIVE_INFINITY ? Math.max(pauseMs || 0, 0) : undefined;
}

/** @internal Asks `reconnectOnError` about an error reply of Redis. An exception counts as no. */
export function askVerdict({ reconnectOnError }: Callbacks, message: string, log: Log): Verdict {
  const reply = new Error(message);
  // ioredis uses this name, too.
  reply.name = "ReplyError";
  const answer = guarded(
    () => reconnectOnError?.(reply),
    (error) => log.error(`redisOptions.reconnectOnError threw an error, so provider "locking-redis" does not reconnect: ${textOf(error)}`),
  );
  if (answer === 2) {
    return Verdict.ReconnectAndResend;
  }
  return answer === true || answer === 1 ? Verdict.Reconnect : Verdict.Nothing;
}

/** @internal The two callbacks of one `acquire`. */
export interface LockCallbacks {
  onHeld: ((lock: Lock) => unknown) | undefined;
  onLost: ((error: LockError) => unknown) | undefined;
}

/** @internal The two callbacks, wrapped so that they neither throw nor reject, and the result of the user's `onHeld`. */
export interface GuardedLockCallbacks {
  onHeld: ((lock: Lock) => void) | undefined;
  onLost: ((error: LockError) => void) | undefined;
  /**
   * Resolves when the user's `onHeld` is done with the lock. Rejects with the error of `onHeld`, or with the loss of the lock if that
   * comes first.
   */
  accepted(): Promise<void>;
}

/** @internal Guards the callbacks of `acquire`. */
export function guardLockCallbacks({ onHeld, onLost }: LockCallbacks, log: Log): GuardedLockCallbacks {
  let outcome = Promise.resolve();
  return {
    onHeld:
      onHeld &&
      ((lock) => {
        outcome = accept(lock, onHeld);
        // `accepted` reads the outcome, perhaps later.
        outcome.catch(() => {});
      }),
    onLost:
      onLost &&
      ((error) => {
        guarded(
          () => onLost(error),
          (trouble) => log.error(`onLost of an acquire failed in provider "locking-redis": ${textOf(trouble)}`),
        );
      }),
    accepted: () => outcome,
  };
}

/** Hands the lock to `onHeld`, and waits until `onHeld` is done or the lock is lost. */
async function accept(lock: Lock, onHeld: (lock: Lock) => unknown): Promise<void> {
  lock.signal.throwIfAborted();
  let forget = () => {};
  const lost = new Promise<never>((_, reject) => {
    forget = onAbort(lock.signal, reject);
  });
  try {
    await Promise.race([onHeld(lock), lost]);
  } finally {
    forget();
  }
}
