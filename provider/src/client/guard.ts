import { shortened, shown } from "./words";

/** The longest line of a log, in characters: keys and labels have no limit. */
const MOST_OF_LINE = 4_000;

/** @internal The part of a logger that this package uses: Medusa's has it, and so has `console`. */
export interface Log {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

/**
 * @internal Calls a function of the user: a logger, a strategy, a callback. `failed` gets the error that the function throws, or with which its
 * promise rejects; no error leaves this function. Returns the user function's result, or `undefined` if it threw.
 */
export function guarded<T>(call: () => T, failed: (error: unknown) => void): T | undefined {
  try {
    const result = call();
    if (isThenable(result)) {
      Promise.resolve(result).then(undefined, failed);
    }
    return result;
  } catch (error) {
    failed(error);
    return undefined;
  }
}

/**
 * @internal The user's logger, with methods that do not throw. A line that it cannot write is lost. All lines go through here, so that each stays
 * one line of limited length, whatever keys, labels and answers of others it contains.
 */
export function guardedLog(logger: Partial<Log> | undefined): Log {
  const lost = () => {};
  return {
    info: (text) => void guarded(() => logger?.info?.(lineOf(text)), lost),
    warn: (text) => void guarded(() => logger?.warn?.(lineOf(text)), lost),
    error: (text) => void guarded(() => logger?.error?.(lineOf(text)), lost),
  };
}

function lineOf(text: string): string {
  return shown(shortened(text, MOST_OF_LINE));
}

/** @internal A thrown value as text for the log. This does not throw, whatever the value is. */
export function textOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return "something that has no text";
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
