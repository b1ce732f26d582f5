import { after } from "./pause";

/** So many calls are withdrawn at once. The event loop runs before the next ones are withdrawn. */
const MOST_AT_ONCE = 5_000;

/** The callbacks of each signal. */
const listeners = new WeakMap<AbortSignal, Listener>();

/** All calls that share a signal share one listener, because Node compares each new listener with all earlier ones. */
class Listener {
  readonly #signal: AbortSignal;
  readonly #callbacks = new Set<(reason: Error) => void>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#tell, { once: true });
    listeners.set(signal, this);
  }

  add(callback: (reason: Error) => void): () => void {
    this.#callbacks.add(callback);
    return () => {
      this.#callbacks.delete(callback);
      if (this.#callbacks.size === 0) {
        this.#end();
      }
    };
  }

  readonly #tell = () => {
    this.#end();
    this.#tellSome(this.#callbacks.values());
  };

  #tellSome(callbacks: Iterator<(reason: Error) => void>): void {
    const { reason } = this.#signal;
    for (let told = 0; told < MOST_AT_ONCE; told += 1) {
      const { value: callback, done } = callbacks.next();
      if (done) {
        return;
      }
      callback(reason);
    }
    after(0, () => this.#tellSome(callbacks));
  }

  #end(): void {
    if (listeners.get(this.#signal) === this) {
      listeners.delete(this.#signal);
    }
    this.#signal.removeEventListener("abort", this.#tell);
  }
}

/** @internal When the signal aborts, calls `callback` with the signal's reason, unless the returned function was called before. */
export function onAbort(signal: AbortSignal, callback: (reason: Error) => void): () => void {
  return (listeners.get(signal) ?? new Listener(signal)).add(callback);
}

/**
 * @internal Whether an error only says that the signal aborted. Node's own functions reject with an error of this name, which has no code of this
 * package.
 */
export function isAbortBy(signal: AbortSignal, error: unknown): boolean {
  return signal.aborted && error instanceof Error && error.name === "AbortError";
}
