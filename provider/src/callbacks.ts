import { guarded, type Log, textOf } from "./guard";

/** @internal The functions in `redisOptions` that the addon has asked. */
export interface Callbacks {
  retryStrategy?: (times: number) => unknown;
  sentinelRetryStrategy?: (times: number) => unknown;
  reconnectOnError?: (error: Error) => unknown;
}

/** @internal What to do about an error that Redis answered with. */
export enum Verdict {
  Nothing = 0,
  Reconnect = 1,
  ReconnectAndResend = 2,
}

/**
 * @internal Asks one of the two strategies for the pause before attempt `times`, in milliseconds. As with ioredis, what is no
 * number means never again (`undefined`); so does an exception, and an endless pause.
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
  // As ioredis calls it.
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
export interface LockCallbacks<L, E> {
  onHeld: ((lock: L) => unknown) | undefined;
  onLost: ((error: E) => unknown) | undefined;
}

/** @internal The same two, which neither throw nor reject, and what became of the user's `onHeld`. */
export interface GuardedLockCallbacks<L, E> {
  onHeld: ((lock: L) => void) | undefined;
  onLost: ((error: E) => void) | undefined;
  /** Resolves once the user's `onHeld` is done with the lock; rejects with what it threw, or rejected with. */
  accepted(): Promise<void>;
}

/** @internal Guards the callbacks of `acquire`. */
export function guardLockCallbacks<L, E>({ onHeld, onLost }: LockCallbacks<L, E>, log: Log): GuardedLockCallbacks<L, E> {
  let outcome: Promise<unknown> = Promise.resolve();
  return {
    onHeld:
      onHeld &&
      ((lock) => {
        // An async function that calls: what is thrown and what is rejected come to the same.
        outcome = (async () => onHeld(lock))();
        // Looked at by `accepted`, which may come later.
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
    accepted: async () => {
      await outcome;
    },
  };
}
