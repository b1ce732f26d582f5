import type { Logger } from "@medusajs/framework/types";

/** @internal The part of Medusa's logger that this package uses. */
export interface Log {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

/**
 * @internal Calls what belongs to the user: a logger, a strategy, a callback. Nothing that it does gets out of here: `failed` hears of
 * what it throws, and of what a promise that it returns rejects with. Gives the callback's result, `undefined` where it threw.
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

/** @internal The user's logger, whose methods do not throw any more. What it cannot write is lost: there is nobody else to tell. */
export function guardedLog(logger: Partial<Pick<Logger, "info" | "warn" | "error">> | undefined): Log {
  const lost = () => {};
  return {
    info: (text) => void guarded(() => logger?.info?.(text), lost),
    warn: (text) => void guarded(() => logger?.warn?.(text), lost),
    error: (text) => void guarded(() => logger?.error?.(text), lost),
  };
}

/** @internal What was thrown, as text for the log. Whatever it is, this does not throw. */
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
