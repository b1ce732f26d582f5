import type { AwaitedKey, HeldKey, NativeClient, NativeOptions } from "../../../native";
import { type Log, textOf } from "./guard";
import { findHolders } from "./holders";
import { after } from "./pause";
import { listOf, plural, quoted, seconds } from "./words";

/** The shortest and the longest pause between two looks, in milliseconds. */
const OFTEN_MS = 50;
const SELDOM_MS = 2_500;
/** The number of keys whose holders one look asks for. The other keys follow at the next look. */
const MOST_ASKED = 3;
/** The number of holds that one look logs. */
const MOST_HOLDS = 100;

/** @internal The time after which a wait or a job is logged, in milliseconds. May be Infinity. */
export interface SlowTerms {
  slowWaitMs: number;
  slowHoldMs: number;
}

/** @internal The things that a look reads. */
interface LookedAt {
  /** `undefined` once the client is not in use any more. */
  native(): NativeClient | undefined;
  /** Whether a call is under way or a job runs. */
  isBusy(): boolean;
}

/**
 * @internal Logs two things, each once: the keys that calls have waited for too long, with their holders, and the jobs that have held keys for too
 * long. It looks while calls are under way, and has no timer while the client is idle.
 */
export class SlowLog {
  readonly #terms: SlowTerms;
  readonly #pauseMs: number;
  readonly #options: NativeOptions;
  readonly #at: LookedAt;
  readonly #log: Log;
  /** Whether a new call need not start the looks. */
  isOn = false;
  readonly #keysTold = new Set<string>();
  readonly #ownersTold = new Set<string>();
  #asking = false;
  #cancel = () => {};

  constructor(terms: SlowTerms, options: NativeOptions, at: LookedAt, log: Log) {
    this.#terms = terms;
    this.#pauseMs = Math.min(Math.max(Math.min(terms.slowWaitMs, terms.slowHoldMs) / 2, OFTEN_MS), SELDOM_MS);
    this.#options = options;
    this.#at = at;
    this.#log = log;
  }

  /** Plans the next look. A call starts the looks if they are not on. */
  start(): void {
    // This is set even if nothing will ever be logged, so that no further call starts it.
    this.isOn = true;
    if (this.#terms.slowWaitMs !== Number.POSITIVE_INFINITY || this.#terms.slowHoldMs !== Number.POSITIVE_INFINITY) {
      this.#cancel = after(this.#pauseMs, () => this.#look());
    }
  }

  /** Ends the looks, when the client is closed. */
  stop(): void {
    this.#cancel();
    this.isOn = true;
  }

  #look(): void {
    const native = this.#at.native();
    if (!native || !this.#at.isBusy()) {
      this.#keysTold.clear();
      this.#ownersTold.clear();
      this.isOn = false;
      return;
    }
    try {
      this.#lookAtHolds(native);
      this.#lookAtWaits(native);
    } catch (error) {
      this.#failed(error);
    }
    this.start();
  }

  #failed(error: unknown): void {
    this.#log.error(`A fault in provider "locking-redis", please report it: ${textOf(error)}`);
  }

  #lookAtHolds(native: NativeClient): void {
    const { slowHoldMs } = this.#terms;
    if (slowHoldMs === Number.POSITIVE_INFINITY) {
      return;
    }
    const byOwner = new Map<string, HeldKey[]>();
    for (const held of native.heldKeys(null, slowHoldMs, MOST_HOLDS)) {
      if (held.ofJob) {
        byOwner.set(held.owner, [...(byOwner.get(held.owner) ?? []), held]);
      }
    }
    forgetOthers(this.#ownersTold, byOwner);
    for (const [owner, [first, ...others]] of byOwner) {
      if (first && !this.#ownersTold.has(owner)) {
        this.#ownersTold.add(owner);
        const keys = listOf([first, ...others].map(({ key }) => key));
        this.#log.warn(`A job${labelled(first.label)} has held ${keys} for ${seconds(first.heldMs)} (option slowHoldMs).`);
      }
    }
  }

  #lookAtWaits(native: NativeClient): void {
    const { slowWaitMs } = this.#terms;
    if (slowWaitMs === Number.POSITIVE_INFINITY) {
      return;
    }
    const waits = new Map(native.awaitedKeys(slowWaitMs).map((wait) => [wait.key, wait]));
    forgetOthers(this.#keysTold, waits);
    const news = [...waits.values()].filter(({ key }) => !this.#keysTold.has(key)).slice(0, MOST_ASKED);
    if (news.length > 0 && !this.#asking) {
      for (const { key } of news) {
        this.#keysTold.add(key);
      }
      this.#asking = true;
      void this.#tellOf(native, news)
        .catch((error) => this.#failed(error))
        .finally(() => {
          this.#asking = false;
        });
    }
  }

  async #tellOf(native: NativeClient, waits: AwaitedKey[]): Promise<void> {
    const holders = await findHolders(native, this.#options, waits);
    for (const { key, count, longestMs, labels } of waits) {
      const who = labels.length > 0 ? ` (${labels.map(quoted).join(", ")})` : "";
      const holder = holders.get(key) ?? "an owner that could not be found out";
      this.#log.warn(
        `Key ${quoted(key)} has been waited for for ${seconds(longestMs)} by ${plural(count, "call", "calls")}${who}; it is held by ${holder} (option slowWaitMs).`,
      );
    }
  }
}

function labelled(label: string | undefined): string {
  return label === undefined ? "" : ` ${quoted(label)}`;
}

/** Forgets all names that are not there any more. If such a name comes back, it is logged again. */
function forgetOthers(told: Set<string>, there: Map<string, unknown>): void {
  for (const name of told) {
    if (!there.has(name)) {
      told.delete(name);
    }
  }
}
