/** Longest pause of a timer in Node, in milliseconds. */
const LONGEST_PAUSE_MS = 2 ** 31 - 1;

// These are read when the package is loaded, because a test may later replace the global ones by timers that never fire.
const { setInterval, clearInterval } = globalThis;

/** @internal Milliseconds on a clock that never goes back. */
export const now = performance.now.bind(performance);

/** The pauses under way. Nothing else references these signals, so they would be collected. */
const waiting = new Set<AbortSignal>();

/**
 * @internal Calls `callback` after `ms`, unless the returned function is called before. It does not use `setTimeout`, because test runners replace
 * it by a timer that may never fire, and a shutdown must end even then. It does not keep the process alive.
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
