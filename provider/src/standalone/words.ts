import { type LockError, lockError } from "../client/errors";
import type { Log } from "../client/guard";

/** The words of the provider in texts about options and in log lines, and the words of a client without Medusa in their place. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/ of the "locking-redis" provider/g, " of createLocks"],
  [/\b[Pp]rovider "locking-redis"/g, "medusa-locking-redis"],
  [/(?<![.\w])redisUrl\b/g, "url"],
  [/"defaultRetryInterval"/g, '"pollFirstPauseMs"'],
  [/"maximumRetryInterval"/g, '"pollLongestPauseMs"'],
  [/"backoffFactor"/g, '"pollPauseFactor"'],
];

/** @internal Puts a text of the provider (about options, or from the log) into the words of `createLocks`. */
export function inOurWords(text: string): string {
  return WORDS.reduce((said, [theirs, ours]) => said.replace(theirs, ours), text);
}

/** @internal Puts the error of an option into the words of `createLocks`. */
export function errorInOurWords({ code, message, keys }: LockError): LockError {
  return lockError(code, inOurWords(message), keys);
}

/** @internal A log that puts its lines into the words of `createLocks`. */
export function logInOurWords(log: Log): Log {
  return {
    info: (text) => log.info(inOurWords(text)),
    warn: (text) => log.warn(inOurWords(text)),
    error: (text) => log.error(inOurWords(text)),
  };
}
