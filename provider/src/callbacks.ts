import type { Logger } from "@medusajs/framework/types";

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
  logger: Logger | undefined,
): number | undefined {
  try {
    const pauseMs = callbacks[strategy]?.(times);
    return typeof pauseMs === "number" && pauseMs !== Number.POSITIVE_INFINITY ? Math.max(pauseMs || 0, 0) : undefined;
  } catch (error) {
    logger?.error(`redisOptions.${strategy} threw an error, so provider "locking-redis" connects to Redis no more: ${error}`);
    return undefined;
  }
}

/** @internal Asks `reconnectOnError` about an error reply of Redis. An exception counts as no. */
export function askVerdict({ reconnectOnError }: Callbacks, message: string, logger: Logger | undefined): Verdict {
  const reply = new Error(message);
  // As ioredis calls it.
  reply.name = "ReplyError";
  try {
    const answer = reconnectOnError?.(reply);
    if (answer === 2) {
      return Verdict.ReconnectAndResend;
    }
    return answer === true || answer === 1 ? Verdict.Reconnect : Verdict.Nothing;
  } catch (error) {
    logger?.error(`redisOptions.reconnectOnError threw an error, so provider "locking-redis" does not reconnect: ${error}`);
    return Verdict.Nothing;
  }
}
