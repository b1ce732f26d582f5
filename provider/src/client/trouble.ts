import { isHidden, type LockError } from "./errors";
import type { Log } from "./guard";
import { listOf } from "./words";

/** The time until the same text is logged again, in milliseconds. */
const SILENCE_MS = 60_000;
/** The number of texts that are remembered. */
const MOST_TEXTS = 100;
/** The number of time-outs that are logged within that time. */
const MOST_TIMEOUTS = 20;

/**
 * @internal Logs the reasons of failed calls, because Medusa hides these reasons from its clients. Each text is logged once a minute, since in an
 * outage all calls fail for the same reason.
 */
export class TroubleLog {
  readonly #log: Log;
  readonly #toldAt = new Map<string, number>();
  readonly #timedOut = new Set<string>();
  #timeoutsSince = Number.NEGATIVE_INFINITY;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Logs that a call waited in vain: once a minute for the same keys, and only for some keys. Medusa logs the error's text, which names no key. */
  #tellTimeout({ keys, cause }: LockError, isCutOff: boolean): void {
    const now = performance.now();
    if (now - this.#timeoutsSince >= SILENCE_MS) {
      this.#timeoutsSince = now;
      this.#timedOut.clear();
    }
    // In an outage very many calls end like this. For those that are not logged no text is made.
    if (this.#timedOut.size >= MOST_TIMEOUTS) {
      return;
    }
    const named = listOf(keys);
    if (this.#timedOut.has(named)) {
      return;
    }
    this.#timedOut.add(named);
    const because = cause instanceof Error ? `${cause.message.replace(/\.$/, "")}. ` : "";
    const [command, says] = isCutOff ? ["doctor", "what is wrong"] : ["show KEY", "who holds it"];
    this.#log.warn(`A call waited in vain for ${named} (LOCK_TIMEOUT). ${because}"npx medusa-locking-redis ${command}" says ${says}.`);
  }

  /** Logs an error, unless it was logged shortly before. `isCutOff`: Redis did not answer when the call ended. Returns the error. */
  tell(error: LockError, isCutOff = false): LockError {
    if (error.code === "LOCK_TIMEOUT") {
      this.#tellTimeout(error, isCutOff);
    }
    if (isHidden(error.code) && error.code !== "PROVIDER_CLOSED") {
      this.#tellOnce(error);
    }
    return error;
  }

  #tellOnce({ code, message, cause }: LockError): void {
    const reason = cause instanceof Error ? cause.message : undefined;
    // The message names keys, so only the reason tells one trouble from another.
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
