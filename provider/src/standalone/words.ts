import { type LockError, lockError } from "../client/errors";
import type { Log } from "../client/guard";

/** The provider's words, which options and log lines are worded with, and those of a client without Medusa. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/ of the "locking-redis" provider/g, " of createLocks"],
  [/\b[Pp]rovider "locking-redis"/g, "medusa-locking-redis"],
  [/(?<![.\w])redisUrl\b/g, "url"],
  [/"defaultRetryInterval"/g, '"pollFirstPauseMs"'],
  [/"maximumRetryInterval"/g, '"pollLongestPauseMs"'],
  [/"backoffFactor"/g, '"pollPauseFactor"'],
];

/** @internal A text of the provider's about options or from the log, in the words of `createLocks`. */
export function inOurWords(text: string): string {
  return WORDS.reduce((said, [theirs, ours]) => said.replace(theirs, ours), text);
}

/** @internal The error of an option, in the words of `createLocks`. */
export function errorInOurWords({ code, message, keys }: LockError): LockError {
  return lockError(code, inOurWords(message), keys);
}

/** @internal A log whose lines are in the words of `createLocks`. */
export function logInOurWords(log: Log): Log {
  return {
    info: (text) => log.info(inOurWords(text)),
    warn: (text) => log.warn(inOurWords(text)),
    error: (text) => log.error(inOurWords(text)),
  };
}
