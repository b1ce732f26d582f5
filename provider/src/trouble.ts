import { isHidden, type LockError } from "./errors";
import type { Log } from "./guard";

/** The same text is told again after so many milliseconds. */
const SILENCE_MS = 60_000;
/** So many texts are remembered. */
const MOST_TEXTS = 100;

/**
 * @internal Writes to the log why calls fail where Medusa tells its clients nothing about it, each text once a minute: in an outage all calls fail,
 * and all for the same reason.
 */
export class TroubleLog {
  readonly #log: Log;
  readonly #toldAt = new Map<string, number>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Tells of an error, unless it was told just now. Gives it back. */
  tell(error: LockError): LockError {
    if (isHidden(error.code) && error.code !== "PROVIDER_CLOSED") {
      this.#tellOnce(error);
    }
    return error;
  }

  #tellOnce({ code, message, cause }: LockError): void {
    const reason = cause instanceof Error ? cause.message : undefined;
    // Keys stand in the message: that every key has the same trouble is one trouble.
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
