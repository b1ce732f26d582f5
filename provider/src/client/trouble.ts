import { isHidden, type LockError } from "./errors";
import type { Log } from "./guard";

/** The time until the same text is logged again, in milliseconds. */
const SILENCE_MS = 60_000;
/** How many texts are remembered. */
const MOST_TEXTS = 100;

/**
 * @internal Logs why calls fail, where Medusa hides the reason from its clients. Each text is logged once a minute, since in an outage
 * all calls fail for the same reason.
 */
export class TroubleLog {
  readonly #log: Log;
  readonly #toldAt = new Map<string, number>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Logs an error, unless it was logged a moment ago. Returns the error. */
  tell(error: LockError): LockError {
    if (isHidden(error.code) && error.code !== "PROVIDER_CLOSED") {
      this.#tellOnce(error);
    }
    return error;
  }

  #tellOnce({ code, message, cause }: LockError): void {
    const reason = cause instanceof Error ? cause.message : undefined;
    // The message names keys, so the reason alone tells one trouble from another.
    const trouble = `${code} ${reason ?? message}`;
    const now = performance.now();
    const last = this.#toldAt.get(trouble);
    if (last !== undefined && now - last < SILENCE_MS) {
      return;
    }
    if (this.#toldAt.size >= MOST_TEXTS) {
      this.#toldAt.clear();
    }
    this.#toldAt.set(trouble, now);
    const because = reason === undefined || message.includes(reason) ? "" : ` (${reason})`;
    this.#log.error(`Calls of provider "locking-redis" fail with ${code}: ${message}${because}`);
  }
}
