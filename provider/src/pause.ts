/** Longest pause that a timer of Node's can make, in milliseconds. */
const LONGEST_PAUSE_MS = 2 ** 31 - 1;

// As they are when the package is loaded: a test may put others in their place later, which never fire.
const { setInterval, clearInterval } = globalThis;

/** What is waited for; nothing else holds it. */
const waiting = new Set<AbortSignal>();

/**
 * @internal Calls `callback` once `ms` are over, unless the returned function was called before. Not by `setTimeout`, for which test
 * runners have a stand-in that may never fire: a shutdown must end under that one, too. Does not keep the process alive.
 */
export function after(ms: number, callback: () => void): () => void {
  const signal = AbortSignal.timeout(Math.min(Math.max(Math.ceil(ms), 0), LONGEST_PAUSE_MS));
  const over = () => {
    waiting.delete(signal);
    callback();
  };
  signal.addEventListener("abort", over, { once: true });
  waiting.add(signal);
  return () => {
    signal.removeEventListener("abort", over);
    waiting.delete(signal);
  };
}

/** @internal Keeps the process alive until `work` is done. */
export async function keepAliveUntil<T>(work: Promise<T>): Promise<T> {
  const alive = setInterval(() => {}, 60_000);
  try {
    return await work;
  } finally {
    clearInterval(alive);
  }
}
