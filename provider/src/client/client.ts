import type { NativeOptions } from "../../../native";
import { HoldState, type NativeClient, type Refusal, type ResultDetail, ResultKind } from "../../../native";
import { askPauseMs, askVerdict, type Callbacks } from "./callbacks";
import { type LockError, type LossKind, lockError, lostError } from "./errors";
import { forgetAtExit, rememberAtExit } from "./exit";
import { type Log, textOf } from "./guard";
import { HeldLock } from "./lock";
import { loadNative } from "./native";
import { errorOf, optionErrorOf } from "./native-errors";
import { after, keepAliveUntil } from "./pause";
import { onAbort } from "./signals";
import { TroubleLog } from "./trouble";

/** Results per call of the dispatcher. */
const MOST_RESULTS = 512;
/** Numbers per result: see ResultKind in the addon. */
const NUMBERS_PER_RESULT = 3;
const DRAIN_LOOK_MS = 20;
const JOB_LAPSES = { what: "lapsed", ofJob: true } as const;
/** Longest wait of a boot for the connection. */
const LONGEST_BOOT_MS = 5_000;

interface Pending {
  /** Resolves with a number, or with the keys that were not the owner's. */
  resolve(value: number | string[]): void;
  reject(error: Error): void;
}

/** @internal What happens to a lease after the keys were taken: nothing, a hold stands for it, or it is renewed, too. */
export enum Keep {
  No = 0,
  Known = 1,
  Renewed = 2,
}

/** @internal How keys are taken for a named owner. */
export interface AcquireTerms {
  /** Length of the lease; 0: without an end. */
  leaseMs: number;
  /** Longest wait. */
  waitMs: number;
  /** The wait begins when the key is found held, and ends with a refusal instead of a time-out. */
  refuse: boolean;
  /** What happens to the lease afterwards. */
  keep: Keep;
  signal: AbortSignal | undefined;
}

/** @internal The options that the client needs besides those of the addon. */
export interface ClientTerms extends Callbacks {
  /** The longest that `shutdown` waits for jobs that are under way. */
  drainTimeoutMs: number;
}

/**
 * The calls under way, and the way of results to them. This is apart from the client, because the addon holds the dispatcher as long as it
 * lives, and an unused client must be collected all the same.
 */
class Calls {
  /** The calls under way. A call's number is its place in here, which is free again after the result. */
  readonly pending: (Pending | undefined)[] = [];
  readonly free: number[] = [];
  /** Lock objects in use, by hold, with the callback for their loss. */
  readonly watched = new Map<number, { lock: HeldLock; told?: (lock: HeldLock) => void }>();
  /** Losses of jobs that have no lock object (yet), by hold. */
  readonly lost = new Map<number, LockError>();
  readonly watchers: ((failure: string | undefined) => void)[] = [];
  /** Weak, since the addon holds the dispatcher, which holds this object. */
  native: WeakRef<NativeClient> | undefined;
  readonly trouble: TroubleLog;
  #modeTold = "";

  constructor(
    readonly callbacks: Callbacks,
    readonly log: Log,
  ) {
    this.trouble = new TroubleLog(log);
  }

  dispatch(numbers: Float64Array, count: number, details: ResultDetail[]): void {
    for (let at = 0; at < count * NUMBERS_PER_RESULT; at += NUMBERS_PER_RESULT) {
      try {
        this.settle(numbers[at] as number, numbers[at + 1] as ResultKind, numbers[at + 2] as number, details);
      } catch (error) {
        // Nothing in there throws. If it does all the same, the results after this one are still delivered.
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
      case ResultKind.Failed:
        this.take(first)?.reject(this.trouble.tell(errorOf(details[value])));
        break;
      case ResultKind.Lost:
        this.lose(first, details[value] as ResultDetail);
        break;
      case ResultKind.Ready:
        this.tellMode(details[value]);
        this.tellWatchers(undefined);
        break;
      case ResultKind.Down:
        this.tellWatchers(details[value]?.message ?? "");
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

  private lose(hold: number, { keys, code, message, cause }: ResultDetail): void {
    const ofJob = message === "execute";
    const error = lostError(keys, code as LossKind, ofJob, cause);
    const watched = this.watched.get(hold);
    watched?.lock.lose(error);
    if (!ofJob) {
      // The addon has no more to tell about this hold.
      this.watched.delete(hold);
      this.native?.deref()?.forget(hold);
    } else if (!watched) {
      this.lost.set(hold, error);
    }
    // A lease that ends when its caller wanted it to end is no reason for a warning.
    if (code !== "ended") {
      this.log.warn(ofJob && code !== "lapsed" ? `${error.message} (${(error.cause as Error).message})` : error.message);
    }
    watched?.told?.(watched.lock);
  }

  /** Logs the mode of the connection, and again when a reconnect changes it. */
  private tellMode(detail: ResultDetail | undefined): void {
    const mode = detail?.code ?? "";
    if (mode === this.#modeTold) {
      return;
    }
    const first = this.#modeTold === "";
    this.#modeTold = mode;
    if (mode === "plain") {
      this.log.warn(
        `Provider "locking-redis" works without fencing tokens and hold records, as the official package does: ${detail?.message}. To get them, allow the Redis user the keys "mlr!*".`,
      );
    } else if (mode === "polling") {
      this.log.warn(
        `Provider "locking-redis" waits for locks by asking again and again, since Redis cannot tell it when one is free: ${detail?.message}. To change that, allow the Redis user the channels "mlr!*" on a server of version 6.2 or newer that is no cluster node.`,
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

/** One connection to Redis with its calls and holds. Shared by a provider and its `lp_` alias. */
export class LockClient {
  readonly #native: NativeClient;
  readonly #calls: Calls;
  readonly #drainTimeoutMs: number;
  /** How many jobs run under a lock. */
  jobs = 0;
  #ended: Promise<void> | undefined;

  /** Connects. Throws INVALID_OPTION for certificates and keys that the addon cannot use. */
  constructor(options: NativeOptions, terms: ClientTerms, log: Log) {
    this.#drainTimeoutMs = terms.drainTimeoutMs;
    const calls = new Calls(terms, log);
    const numbers = new Float64Array(MOST_RESULTS * NUMBERS_PER_RESULT);
    this.#calls = calls;
    const { NativeClient } = loadNative();
    try {
      this.#native = new NativeClient(options, numbers, (count, details) => calls.dispatch(numbers, count, details));
    } catch (error) {
      throw optionErrorOf(error, options) ?? error;
    }
    calls.native = new WeakRef(this.#native);
    rememberAtExit(this.#native);
  }

  /** Resolves when the connection stands. Rejects when the first attempt fails or takes too long. The client goes on trying. */
  ready(): Promise<void> {
    const first = new Promise<void>((resolve, reject) => {
      const late = `Redis was not ready within ${LONGEST_BOOT_MS / 1_000} s`;
      const cancel = after(LONGEST_BOOT_MS, () => reject(new Error(late)));
      this.#calls.watchers.push((failure) => {
        cancel();
        failure === undefined ? resolve() : reject(new Error(failure));
      });
    });
    // The boot waits for this, and maybe nothing else keeps the process alive yet.
    return keepAliveUntil(first);
  }

  /** Takes the keys for a job, waiting up to `timeoutMs`, and renews their lease. Resolves with the hold. */
  lock(keys: string | string[], leaseMs: number, timeoutMs: number, signal?: AbortSignal): Promise<number> {
    return this.#call((caller) => this.#native.lock(caller, keys, leaseMs, timeoutMs, undefined), signal);
  }

  /** Makes the lock object of a job. It notices when the lock is lost. */
  watch(hold: number, keys: string | string[]): HeldLock {
    const lock = new HeldLock(this.#native, hold, keys, JOB_LAPSES);
    this.#calls.watched.set(hold, { lock });
    const lost = this.#calls.lost.size > 0 ? this.#calls.lost.get(hold) : undefined;
    if (lost) {
      lock.lose(lost);
    }
    return lock;
  }

  /** Makes the lock object of a hold of `acquire`. When the lock is lost, `told` is called after the object has noticed. */
  watchKept(hold: number, keys: string | string[], renews: boolean, told: (lock: HeldLock) => void): HeldLock {
    const lock = new HeldLock(this.#native, hold, keys, { what: renews ? "lapsed" : "ended", ofJob: false });
    this.#calls.watched.set(hold, { lock, told });
    return lock;
  }

  /** Forgets the lock object of a hold that was released. */
  unwatch(hold: number): void {
    this.#calls.watched.delete(hold);
  }

  /**
   * Ends a hold: releases its keys, or lets the addon go on trying. Never rejects. Resolves with an error if the lock was lost before.
   */
  unlock(hold: number, keys: string | string[]): Promise<LockError | undefined> {
    const calls = this.#calls;
    const watched = calls.watched.size > 0 ? calls.watched.get(hold) : undefined;
    watched?.lock.readFacts();
    calls.watched.delete(hold);
    let lost = calls.lost.size > 0 ? calls.lost.get(hold) : undefined;
    calls.lost.delete(hold);
    return new Promise((resolve) => {
      const caller = calls.add({
        resolve: (value) =>
          resolve(lost ?? (typeof value === "object" && value.length > 0 ? lostError(value, "taken-away", true) : undefined)),
        reject: () => resolve(lost),
      });
      const state = this.#native.unlock(caller, hold);
      if (state === HoldState.Lost || state === HoldState.Gone) {
        // The hold ended unnoticed, or the provider was closed while the job ran, so no answer will come.
        lost ??= lostError(typeof keys === "string" ? [keys] : [...new Set(keys)], "lapsed", true);
      }
      if (state === HoldState.Gone) {
        calls.take(caller)?.resolve(0);
      }
    });
  }

  /** Takes the keys for an owner. Resolves with the hold, or with 0 if no hold stands for the lease. */
  acquire(keys: string | string[], owner: string, terms: AcquireTerms): Promise<number> {
    const { signal, ...rest } = terms;
    return this.#call((caller) => this.#native.acquire(caller, keys, { owner, ...rest }), signal);
  }

  /** Releases the keys that are the owner's. Resolves true if all were. */
  async release(keys: string | string[], owner: string): Promise<boolean> {
    return (await this.#call((caller) => this.#native.release(caller, keys, owner))) === 1;
  }

  /** Deletes the locks of one owner, or of all. */
  async releaseAll(owner: string | undefined): Promise<void> {
    await this.#call((caller) => this.#native.releaseAll(caller, owner));
  }

  /** Accepts no more calls, lets running jobs end (up to `drainTimeoutMs`), and closes. Idempotent. */
  shutdown(): Promise<void> {
    this.#ended ??= keepAliveUntil(this.#end());
    return this.#ended;
  }

  async #end(): Promise<void> {
    this.#native.drain();
    for (let waitedMs = 0; waitedMs < this.#drainTimeoutMs && this.#isBusy(); waitedMs += DRAIN_LOOK_MS) {
      await new Promise<void>((resolve) => after(DRAIN_LOOK_MS, resolve));
    }
    for (const { lock } of this.#calls.watched.values()) {
      lock.lose(lostError([...lock.keys], "lapsed", true));
    }
    this.#native.exitStep();
    this.#native.close();
    forgetAtExit(this.#native);
    for (const caller of this.#calls.pending.keys()) {
      const error = lockError("PROVIDER_CLOSED", "The locking provider was shut down; it takes no more calls.");
      this.#calls.take(caller)?.reject(error);
    }
  }

  /** Whether a job runs or a call is under way. A shutdown does not wait for locks of `acquire`, so they do not count. */
  #isBusy(): boolean {
    return this.jobs > 0 || this.#native.isBusy();
  }

  /** Makes a call. Resolves with its result as a number, or with 0 if keys were not the owner's. */
  #call(start: (caller: number) => number | Refusal, signal?: AbortSignal): Promise<number> {
    if (signal?.aborted) {
      return Promise.reject(signal.reason);
    }
    const calls = this.#calls;
    return new Promise((resolve, reject) => {
      const pending: Pending = { resolve: (value) => resolve(typeof value === "number" ? value : 0), reject };
      // The signal is the user's object and may throw, so it is used before the call is added: from then on a result is due.
      const withdraw = signal && this.#listenTo(signal, pending);
      const caller = calls.add(pending);
      try {
        const task = start(caller);
        if (typeof task === "object") {
          calls.take(caller)?.reject(calls.trouble.tell(errorOf(task.refused)));
        } else {
          withdraw?.(task, caller);
        }
      } catch (error) {
        calls.take(caller)?.reject(error as Error);
      }
    });
  }

  /** Lets the signal withdraw the call, which then rejects with the signal's reason. The returned function names task and number. */
  #listenTo(signal: AbortSignal, pending: Pending): (task: number, caller: number) => void {
    const { resolve, reject } = pending;
    let withdraw: (() => void) | undefined;
    const forget = onAbort(signal, (reason) => {
      pending.reject = () => reject(reason);
      withdraw?.();
    });
    pending.resolve = (value) => {
      resolve(value);
      forget();
    };
    pending.reject = (error) => {
      reject(error);
      forget();
    };
    return (task, caller) => {
      withdraw = () => {
        if (this.#calls.pending[caller] === pending) {
          this.#native.cancel(task, caller);
        }
      };
    };
  }
}
