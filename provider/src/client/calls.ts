import { type NativeClient, type NativeOptions, type ResultDetail, ResultKind } from "../../../native";
import { askPauseMs, askVerdict, type Callbacks } from "./callbacks";
import { type LockError, type LossKind, lostError, type TakenBy } from "./errors";
import { type Log, textOf } from "./guard";
import { ownHolder } from "./holders";
import type { HeldLock } from "./lock";
import { errorOf } from "./native-errors";
import type { ClientStats, Observer } from "./observer";
import { Outage } from "./outage";
import { after } from "./pause";
import { SlowLog, type SlowTerms } from "./slow";
import { TroubleLog } from "./trouble";
import { quoted, wayOutOfPolling } from "./words";

/** So many time-outs of one batch of results get a cause that names holders in this process. */
const MOST_EXPLAINED = 20;

/** @internal Numbers per result: see ResultKind in the addon. */
export const NUMBERS_PER_RESULT = 3;

/** @internal A call that waits for its result. */
export interface Pending {
  /** Resolves with a number, or with the keys that the owner did not hold. */
  resolve(value: number | string[]): void;
  reject(error: Error): void;
}

/** @internal Waits for the result of the release at a job's end. An object with methods needs less heap than an object with two functions. */
export class Ending implements Pending {
  constructor(
    readonly tell: (lost: LockError | undefined) => void,
    readonly jobsBy: TakenBy,
    public lost: LockError | undefined,
  ) {}

  resolve(value: number | string[]): void {
    this.tell(this.lost ?? (typeof value === "object" && value.length > 0 ? lostError(value, "taken-away", this.jobsBy) : undefined));
  }

  reject(): void {
    this.tell(this.lost);
  }
}

/**
 * @internal The calls under way, and the delivery of results to them. It is separate from the client: the addon holds the dispatcher as long as the
 * dispatcher lives, but an unused client must still be collected.
 */
export class Calls {
  /** The calls under way. The number of a call is its place in this list. After the result another call may use the place. */
  readonly pending: (Pending | undefined)[] = [];
  readonly free: number[] = [];
  /** Lock objects in use, by hold, with the callback for their loss. */
  readonly watched = new Map<number, { lock: HeldLock; told?: (lock: HeldLock) => void }>();
  /** Losses of holds that have no lock object (yet), by hold. */
  readonly lost = new Map<number, LockError>();
  readonly watchers: ((failure: string | undefined) => void)[] = [];
  /** Weak, because the addon holds the dispatcher, which holds this object. */
  native: WeakRef<NativeClient> | undefined;
  readonly trouble: TroubleLog;
  /** Logs calls and jobs that take long. */
  readonly slow: SlowLog;
  readonly #outage: Outage;
  readonly #inCluster: boolean;
  /** Whether the connection stands, according to the addon. */
  isUp = false;
  /** How calls wait; `undefined` before the first connection. */
  mode: ClientStats["mode"];
  /** Connections after the first. */
  reconnects = 0;
  /** Locks that were lost. */
  losses = 0;
  /** Jobs that run under a lock. */
  jobs = 0;
  #explained = 0;
  /** Holds of `acquire` that were lost before they had a lock object. */
  readonly #unwatched: number[] = [];

  constructor(
    readonly callbacks: Callbacks & SlowTerms,
    options: NativeOptions,
    readonly log: Log,
    readonly observer: Observer | undefined,
    /** The call that runs jobs. */
    readonly jobsBy: TakenBy,
  ) {
    this.trouble = new TroubleLog(log);
    this.#inCluster = options.cluster !== undefined;
    const atStake = {
      callsWaiting: () => this.#underWay,
      losses: () => this.losses,
      isThere: () => this.native?.deref() !== undefined,
    };
    this.#outage = new Outage(log, atStake, this.#inCluster);
    const isBusy = () => this.#underWay > 0 || this.jobs > 0;
    this.slow = new SlowLog(callbacks, options, { native: () => this.native?.deref(), isBusy }, log);
  }

  get #underWay(): number {
    return this.pending.length - this.free.length;
  }

  /** Stops further lines of the log, when the client is closed. */
  close(): void {
    this.slow.stop();
    this.#outage.stop();
  }

  dispatch(numbers: Float64Array, count: number, details: ResultDetail[]): void {
    this.#explained = 0;
    for (let at = 0; at < count * NUMBERS_PER_RESULT; at += NUMBERS_PER_RESULT) {
      try {
        this.settle(numbers[at] as number, numbers[at + 1] as ResultKind, numbers[at + 2] as number, details);
      } catch (error) {
        // No code in there should throw. If it throws all the same, the next results are still delivered.
        this.log.error(`A fault in provider "locking-redis", please report it: ${textOf(error)}`);
      }
    }
  }

  private settle(first: number, kind: ResultKind, value: number, details: ResultDetail[]): void {
    switch (kind) {
      case ResultKind.Held:
      case ResultKind.Released:
      case ResultKind.Freed:
        this.take(first)?.resolve(value);
        break;
      case ResultKind.NotHeld:
        this.take(first)?.resolve(details[value]?.keys ?? []);
        break;
      case ResultKind.ReleasePending:
        this.take(first)?.resolve(-1);
        this.log.warn(
          `A lock could not be released at once (${details[value]?.message}); Redis frees it when its lease ends at the latest.`,
        );
        break;
      case ResultKind.Failed: {
        const detail = details[value];
        this.take(first)?.reject(this.trouble.tell(errorOf(this.explain(detail)), detail?.cause !== undefined));
        break;
      }
      case ResultKind.Lost:
        this.lose(first, details[value] as ResultDetail);
        break;
      case ResultKind.Ready:
        this.isUp = true;
        this.reconnects += this.mode === undefined ? 0 : 1;
        this.tellMode(details[value]);
        if (this.#inCluster) {
          this.#outage.ends(this.#outage.isLong ? "All nodes of the Redis Cluster are connected again" : undefined);
        }
        this.tellWatchers(undefined);
        break;
      case ResultKind.Down:
        this.isUp = false;
        this.#outage.begins(details[value]?.message ?? "");
        this.tellWatchers(details[value]?.message ?? "");
        break;
      case ResultKind.Recovered:
        this.#outage.ends(value === 1 ? "Connected to Redis again" : "Connected to Redis");
        break;
      case ResultKind.Log:
        this.write(details[value]);
        break;
      case ResultKind.AskPause:
        this.native
          ?.deref()
          ?.reconnectIn(askPauseMs(this.callbacks, first === 1 ? "sentinelRetryStrategy" : "retryStrategy", value, this.log));
        break;
      case ResultKind.AskError:
        this.native?.deref()?.judge(first, askVerdict(this.callbacks, details[value]?.message ?? "", this.log));
        break;
    }
  }

  /** Adds a call. Returns its number. */
  add(pending: Pending): number {
    const caller = this.free.pop() ?? this.pending.length;
    this.pending[caller] = pending;
    return caller;
  }

  /** Removes a call. Another call may get its number from now on. */
  take(caller: number): Pending | undefined {
    const pending = this.pending[caller];
    if (pending) {
      this.pending[caller] = undefined;
      this.free.push(caller);
    }
    return pending;
  }

  /** Adds the holders of the keys to a time-out, if this process itself holds them. */
  private explain(detail: ResultDetail | undefined): ResultDetail | undefined {
    if (detail?.code !== "LOCK_TIMEOUT" || this.#explained >= MOST_EXPLAINED) {
      return detail;
    }
    this.#explained += 1;
    const held = this.native?.deref()?.heldKeys(detail.keys, 0, MOST_EXPLAINED) ?? [];
    if (held.length === 0) {
      return detail;
    }
    const holders = held.map((one) => `Key ${quoted(one.key)} is held by ${ownHolder(one)}.`).join(" ");
    return { ...detail, cause: detail.cause === undefined ? holders : `${detail.cause}. ${holders}` };
  }

  private lose(hold: number, { keys, code, message, cause }: ResultDetail): void {
    const ofJob = message === "execute";
    const what = code === "taken-away" && cause !== undefined ? "released" : (code as LossKind);
    const error = lostError(keys, what, ofJob ? this.jobsBy : "acquire", cause);
    this.losses += 1;
    this.observer?.loses(keys, what);
    const watched = this.watched.get(hold);
    if (!watched) {
      this.lost.set(hold, error);
    }
    if (ofJob) {
      watched?.lock.lose(error);
    } else if (!watched) {
      this.forgetSoon(hold);
    }
    // If the lease ends when its caller wanted it to end, a warning is not needed.
    if (code !== "ended") {
      this.log.warn(
        ofJob && this.jobsBy === "execute" && what !== "released" && (what !== "lapsed" || cause !== undefined)
          ? `${error.message} (${(error.cause as Error).message})`
          : error.message,
      );
    }
    if (!ofJob) {
      this.endKept(hold, error);
    }
  }

  /** Ends the lock object of a lost hold of `acquire`, and calls its callback. */
  endKept(hold: number, error: LockError): void {
    const watched = this.watched.get(hold);
    if (watched) {
      watched.lock.lose(error);
      // The addon has nothing more to report about this hold.
      this.watched.delete(hold);
      this.native?.deref()?.forget(hold);
      watched.told?.(watched.lock);
    }
  }

  /**
   * Forgets the hold a moment later. Most holds of `acquire` have no lock object, but a call that was answered in this turn may still make one in
   * this turn.
   */
  private forgetSoon(hold: number): void {
    this.#unwatched.push(hold);
    if (this.#unwatched.length > 1) {
      return;
    }
    after(0, () => {
      const native = this.native?.deref();
      for (const one of this.#unwatched.splice(0)) {
        this.lost.delete(one);
        native?.forget(one);
      }
    });
  }

  /** Ends all lock objects when the client is closed, because nobody renews their locks any more. */
  endHolds(): void {
    for (const [hold, { lock, told }] of [...this.watched]) {
      const error = lostError([...lock.keys], "closed", told ? "acquire" : this.jobsBy);
      this.losses += 1;
      this.observer?.loses([...lock.keys], "closed");
      if (told) {
        this.endKept(hold, error);
      } else {
        lock.lose(error);
      }
    }
  }

  /** Logs the mode of the connection, and again when a reconnect changes it. */
  private tellMode(detail: ResultDetail | undefined): void {
    const mode = detail?.code as ClientStats["mode"];
    if (mode === this.mode) {
      return;
    }
    const first = this.mode === undefined;
    this.mode = mode;
    if (mode === "plain") {
      this.log.warn(
        `Provider "locking-redis" works without fencing tokens and hold records, as the official package does: ${detail?.message}. To get them, allow the Redis user the keys "mlr!*".`,
      );
    } else if (mode === "polling") {
      this.log.warn(
        `Provider "locking-redis" waits for locks by asking again and again, since Redis cannot tell it when one is free: ${detail?.message}. ${wayOutOfPolling(detail?.message ?? "")}`,
      );
    } else if (!first) {
      this.log.info(`Provider "locking-redis" waits for locks in a fair queue again.`);
    }
  }

  private tellWatchers(failure: string | undefined): void {
    for (const watcher of this.watchers.splice(0)) {
      watcher(failure);
    }
  }

  private write(detail: ResultDetail | undefined): void {
    const message = detail?.message ?? "";
    if (detail?.code === "error") {
      this.log.error(message);
    } else if (detail?.code === "warn") {
      this.log.warn(message);
    } else {
      this.log.info(message);
    }
  }
}
