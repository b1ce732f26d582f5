import { HoldState, type NativeClient, type NativeOptions, type Refusal } from "../../../native";
import type { Callbacks } from "./callbacks";
import { Calls, Ending, NUMBERS_PER_RESULT, type Pending } from "./calls";
import { Chains, type Link } from "./chain";
import { type LockError, lockError, lostError, type TakenBy } from "./errors";
import { forgetAtExit, rememberAtExit } from "./exit";
import type { Log } from "./guard";
import { EmptyLock, HeldLock, type Lock } from "./lock";
import { loadNative } from "./native";
import { errorOf, optionErrorOf } from "./native-errors";
import { type ClientStats, isTelemetryRegistered, type Observable, type ObservedCall, type Observer } from "./observer";
import { after, keepAliveUntil, now } from "./pause";
import { isAbortBy, onAbort } from "./signals";
import type { SlowTerms } from "./slow";
import type { AcquireTerms, LockTerms } from "./terms";
import { listOf, seconds } from "./words";

/** Results per call of the dispatcher. */
const MOST_RESULTS = 512;
const DRAIN_LOOK_MS = 20;
/** So many holds are searched for holds of jobs at a shutdown. */
const MOST_HOLDS = 10_000;
/** Longest time that a boot waits for the connection. */
const LONGEST_BOOT_MS = 5_000;

/** @internal The options that the client needs besides those of the addon. */
export interface ClientTerms extends Callbacks, SlowTerms {
  /** Longest time that `shutdown` waits for running jobs. */
  drainTimeoutMs: number;
  /** A call that can only wait for a job around it fails at once. */
  detectSelfDeadlock: boolean;
  /** The call that runs jobs, for the errors of lost locks; default `execute`. */
  jobsBy?: TakenBy;
}

/** One connection to Redis with its calls and holds. Shared by a provider and its `lp_` alias. */
export class LockClient implements Observable {
  readonly #native: NativeClient;
  readonly #calls: Calls;
  readonly #drainTimeoutMs: number;
  readonly #observer: Observer | undefined;
  readonly #chains: Chains | undefined;
  /** How many calls asked for a lock. */
  #asked = 0;
  #ended: Promise<void> | undefined;
  readonly #closers: (() => void)[] = [];

  /** Connects. Throws INVALID_OPTION for certificates and keys that the addon cannot use. */
  constructor(options: NativeOptions, terms: ClientTerms, log: Log, observer?: Observer) {
    this.#drainTimeoutMs = terms.drainTimeoutMs;
    this.#observer = observer;
    this.#chains = terms.detectSelfDeadlock ? new Chains() : undefined;
    const { jobsBy = "execute" } = terms;
    const calls = new Calls(terms, options, log, observer, jobsBy);
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
    observer?.watches(new WeakRef(this));
  }

  /** Adds a function that is called when this client ends. It must not throw. */
  closeWith(close: () => void): void {
    this.#closers.push(close);
  }

  /** Resolves when the connection stands. Rejects when the next attempt fails or takes too long. In that case the client goes on trying. */
  ready(): Promise<void> {
    if (this.#calls.isUp) {
      return Promise.resolve();
    }
    const first = new Promise<void>((resolve, reject) => {
      const late = `Redis was not ready within ${LONGEST_BOOT_MS / 1_000} s`;
      const cancel = after(LONGEST_BOOT_MS, () => reject(new Error(late)));
      this.#calls.watchers.push((failure) => {
        cancel();
        failure === undefined ? resolve() : reject(new Error(failure));
      });
    });
    // The boot waits for this, and perhaps nothing else keeps the process alive yet.
    return keepAliveUntil(first);
  }

  /**
   * Runs a job while holding the keys, and renews their lease as long as the job runs. `call` calls the user's job, and gets the lock if the job
   * can see it (`looks`). Rejects with LOCK_TIMEOUT, with LOCK_LOST if the lock was lost before the job's end, and with the job's own error.
   */
  async run<T>(
    keys: string | string[],
    terms: LockTerms,
    looks: boolean,
    call: (lock: Lock | undefined) => T | PromiseLike<T>,
  ): Promise<Awaited<T>> {
    if (keys.length === 0 && typeof keys !== "string") {
      return await call(new EmptyLock());
    }
    const seen = this.#observe(keys, terms);
    let hold: number;
    try {
      hold = await this.#lock(keys, terms);
    } catch (error) {
      seen?.failed(error);
      throw error;
    }
    seen?.held();
    const lock = looks ? this.#watch(hold, keys) : undefined;
    const link = this.#chains?.link(keys, terms.label);
    let result: Awaited<T>;
    this.#calls.jobs += 1;
    try {
      result = await (seen?.holds || link ? this.#begin(seen, link, hold, () => call(lock)) : call(lock));
    } catch (error) {
      const lost = await this.#unlock(hold, keys);
      seen?.ended(lost);
      throw lock && isAbortBy(lock.signal, error) ? lock.signal.reason : error;
    } finally {
      this.#calls.jobs -= 1;
      if (link) {
        link.holds = false;
      }
    }
    const lost = await this.#unlock(hold, keys);
    seen?.ended(lost);
    lock?.signal.throwIfAborted();
    if (lost) {
      // Another owner may have had the keys meanwhile, so the result of the job does not count.
      throw lost;
    }
    return result;
  }

  /** The observer's view of this call, if there is an observer. */
  #observe(keys: string | string[], terms: LockTerms, owner?: string): ObservedCall | undefined {
    return this.#observer && isTelemetryRegistered() ? this.#observer.begins(keys, terms, owner) : undefined;
  }

  /** Begins a job inside its span and its chain. */
  #begin<T>(seen: ObservedCall | undefined, link: Link | undefined, hold: number, job: () => T): T {
    const linked = link && this.#chains ? this.#chains.run.bind(this.#chains, link, job) : job;
    return (seen?.holds ? seen.holds(linked, () => this.#native.holdFacts(hold)?.owner ?? "") : linked()) as T;
  }

  /** Takes the keys for a job, and renews their lease. Resolves with the hold. */
  #lock(keys: string | string[], { leaseMs, waitMs, signal, label }: LockTerms): Promise<number> {
    const conflict = this.#chains?.conflict(keys, label);
    if (conflict) {
      return Promise.reject(conflict);
    }
    this.#asked += 1;
    return this.#call((caller) => this.#native.lock(caller, keys, leaseMs, waitMs, label), signal);
  }

  /** Makes the lock object of a job, which learns when the lock is lost. */
  #watch(hold: number, keys: string | string[]): HeldLock {
    const lock = new HeldLock(this.#native, hold, keys, { what: "lapsed", takenBy: this.#calls.jobsBy });
    this.#calls.watched.set(hold, { lock });
    const lost = this.#calls.lost.size > 0 ? this.#calls.lost.get(hold) : undefined;
    if (lost) {
      lock.lose(lost);
    }
    return lock;
  }

  /** Makes the lock object of a hold of `acquire`. When the lock is lost, `told` is called after the object has learned of it. */
  watchKept(hold: number, keys: string | string[], renews: boolean, told: (lock: HeldLock) => void): HeldLock {
    const lock = new HeldLock(this.#native, hold, keys, { what: renews ? "lapsed" : "ended", takenBy: "acquire" });
    this.#calls.watched.set(hold, { lock, told });
    const lost = this.#calls.lost.get(hold);
    if (lost) {
      // The loss came together with the lock itself. The caller first gets the lock, and then learns what is lost.
      queueMicrotask(() => this.#calls.endKept(hold, lost));
    }
    return lock;
  }

  /**
   * Makes a lock object stand for `hold`, which the same owner took to prolong the lock. Returns false if `hold` is another lock, because the old
   * one was lost or given back meanwhile. In this case `hold` is given back.
   */
  prolong(lock: HeldLock, hold: number): boolean {
    const watched = this.#calls.watched.get(lock.hold);
    if (!watched || !lock.isContinuedBy(hold)) {
      void this.rollBack(hold);
      return false;
    }
    this.#calls.watched.delete(lock.hold);
    // From now on only the new attempt has the lock, and the lock ends with it.
    void this.rollBack(lock.hold);
    lock.hold = hold;
    this.#calls.watched.set(hold, watched);
    return true;
  }

  /**
   * Gives back the lock that a hold of `acquire` took; other holds of its owner stay. Never rejects. Resolves when Redis has done it, or after 5 s;
   * after that the addon goes on trying.
   */
  rollBack(hold: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => resolve();
      const caller = this.#calls.add({ resolve: done, reject: done });
      if (!this.#native.rollBack(caller, hold)) {
        this.#calls.take(caller)?.resolve(0);
      }
    });
  }

  /** Forgets the lock object of a hold that was released. */
  unwatch(hold: number): void {
    this.#calls.watched.delete(hold);
  }

  /** Ends a hold: releases its keys, or lets the addon go on trying. Never rejects. Resolves with an error if the lock was lost before. */
  #unlock(hold: number, keys: string | string[]): Promise<LockError | undefined> {
    const calls = this.#calls;
    const watched = calls.watched.size > 0 ? calls.watched.get(hold) : undefined;
    watched?.lock.readFacts();
    calls.watched.delete(hold);
    const lost = calls.lost.size > 0 ? calls.lost.get(hold) : undefined;
    calls.lost.delete(hold);
    return new Promise((resolve) => {
      const ending = new Ending(resolve, calls.jobsBy, lost);
      const caller = calls.add(ending);
      const state = this.#native.unlock(caller, hold);
      if (state !== HoldState.Held && state !== HoldState.Suspect) {
        // The hold ended unnoticed, or the provider was closed while the job ran.
        const named = typeof keys === "string" ? [keys] : [...new Set(keys)];
        const unrenewed = this.#native.takeUnrenewed() ?? undefined;
        const ofGone = this.#ended ? "closed" : "lapsed";
        const ofLost = state === HoldState.Lost ? "taken-away" : "lapsed";
        ending.lost ??= lostError(named, state === HoldState.Gone ? ofGone : ofLost, calls.jobsBy, unrenewed);
      }
      if (state === HoldState.Gone) {
        calls.take(caller)?.resolve(0);
      }
    });
  }

  /** Takes the keys for an owner. Resolves with the hold, or with 0 if no hold stands for the lease. */
  acquire(keys: string | string[], owner: string, terms: AcquireTerms): Promise<number> {
    const { signal, label, ...rest } = terms;
    // A try that does not wait is refused anyway.
    const conflict = terms.refuse && terms.waitMs <= 0 ? undefined : this.#chains?.conflict(keys, label);
    if (conflict) {
      return Promise.reject(conflict);
    }
    this.#asked += 1;
    const seen = this.#observe(keys, terms, owner);
    const held = this.#call((caller) => this.#native.acquire(caller, keys, { owner, ...rest }, label), signal);
    if (seen) {
      held.then(
        () => seen.held(),
        (error) => seen.failed(error),
      );
    }
    return held;
  }

  /** Releases those of the keys that the owner holds. Resolves true if the owner held all of them. */
  async release(keys: string | string[], owner: string): Promise<boolean> {
    return (await this.#call<number | string[]>((caller) => this.#native.release(caller, keys, owner))) === 1;
  }

  /** Deletes the locks of one owner, or of all. */
  async releaseAll(owner: string | undefined): Promise<void> {
    await this.#call((caller) => this.#native.releaseAll(caller, owner));
  }

  /** Plain numbers about this client. */
  stats(): ClientStats {
    const { losses, reconnects, isUp, mode } = this.#calls;
    return {
      calls: this.#asked,
      held: this.#native.heldCount(),
      waiting: this.awaitedKeys().reduce((sum, { count }) => sum + count, 0),
      losses,
      renewalsFailed: this.#native.renewalsFailed(),
      reconnects,
      isUp,
      mode,
    };
  }

  heldKeys(most: number): string[] {
    return this.#native.heldKeys(null, 0, most).map(({ key }) => key);
  }

  awaitedKeys(): { key: string; count: number }[] {
    return this.#native.awaitedKeys(0);
  }

  /** Accepts no more calls, lets running jobs end (up to `drainTimeoutMs`), and closes. Idempotent. */
  shutdown(): Promise<void> {
    this.#ended ??= keepAliveUntil(this.#end());
    return this.#ended;
  }

  async #end(): Promise<void> {
    this.#native.drain();
    const began = now();
    // The number of looks is limited, too, because a test may hold the clock. In a busy process a look may come late.
    for (
      let looks = this.#drainTimeoutMs / DRAIN_LOOK_MS;
      looks > 0 && now() - began < this.#drainTimeoutMs && this.#isBusy();
      looks -= 1
    ) {
      await new Promise<void>((resolve) => after(DRAIN_LOOK_MS, resolve));
    }
    const holds = this.#calls.jobs > 0 ? this.#native.heldKeys(null, 0, MOST_HOLDS) : [];
    const held = holds.filter(({ ofJob }) => ofJob).map(({ key }) => key);
    if (held.length > 0) {
      this.#calls.log.warn(
        `The locking provider is shut down while jobs hold ${listOf(held)}. Redis frees these locks in 2 s, and the jobs are told. Option "drainTimeoutMs" says how long a shutdown waits for jobs (${seconds(this.#drainTimeoutMs)}).`,
      );
    }
    this.#calls.endHolds();
    this.#calls.close();
    this.#observer?.ends();
    this.#native.exitStep();
    this.#native.close();
    for (const close of this.#closers) {
      close();
    }
    forgetAtExit(this.#native);
    for (const caller of this.#calls.pending.keys()) {
      const error = lockError("PROVIDER_CLOSED", "The locking provider was shut down; it takes no more calls.");
      this.#calls.take(caller)?.reject(error);
    }
  }

  /** Whether a job runs or a call is under way. A shutdown does not wait for locks of `acquire`, so they do not count. */
  #isBusy(): boolean {
    return this.#calls.jobs > 0 || this.#native.isBusy();
  }

  /** Makes a call. Resolves with its result: a number, or the keys of a release that the owner did not hold. */
  #call<R extends number | string[] = number>(start: (caller: number) => number | Refusal, signal?: AbortSignal): Promise<R> {
    if (signal?.aborted) {
      return Promise.reject(signal.reason);
    }
    const calls = this.#calls;
    if (!calls.slow.isOn) {
      calls.slow.start();
    }
    return new Promise((resolve, reject) => {
      const pending = { resolve, reject } as Pending;
      // The signal is the user's object and may throw. So it is used before the call is added, because an added call needs a result.
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

  /** Lets the signal withdraw the call, which then rejects with the signal's reason. The returned function takes the call's task and number. */
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
