import {
  acquireLeaseMs,
  executeLeaseMs,
  kindOf,
  parseCallback,
  parseKeys,
  parseKeysToRelease,
  parseOwner,
  parseSignal,
  renewedLeaseMs,
  waitMs,
} from "./arguments";
import { guardLockCallbacks } from "./callbacks";
import { Keep, type LockClient } from "./client";
import { argumentError, type LockError } from "./errors";
import { type Log, textOf } from "./guard";
import type { KeptLocks } from "./kept";
import { EmptyLock, type Lock } from "./lock";

/** @internal Name in the container that the loader registers for the service. */
export const CLIENT = "lockingRedisClient";

/** @internal What the loader hands to the service. */
export interface LoadedClient {
  client: LockClient;
  kept: KeptLocks;
  waitLockingTimeoutS: number;
  tryWaitMs: number;
  log: Log;
}

interface Dependencies {
  [CLIENT]: LoadedClient;
}

/** Arguments of {@link RedisLockingProvider.execute}. */
export interface ExecuteArgs {
  /** Longest wait for the keys, in seconds; at least 1, default `waitLockingTimeout`. Infinity is allowed. */
  timeout?: number;
  /** Length of the lease, in seconds; at least 1, default 60. It is renewed for as long as the job runs. */
  expire?: number;
  /** Withdraws the wait; the call then rejects with the signal's reason. A job that has begun is not touched. */
  signal?: AbortSignal;
}

/** Arguments of {@link RedisLockingProvider.acquire}. */
export interface AcquireArgs {
  /** Whose the lock is; nobody's in particular when left out. The same owner extends its lock. */
  ownerId?: string | null;
  /** After how many seconds the lock ends by itself; at least 1. Never, when left out, 0 or NaN. */
  expire?: number;
  /** Whether to wait while another owner holds a key; default false. */
  awaitQueue?: boolean;
  /** Longest wait with `awaitQueue`, in seconds; at least 1, default `waitLockingTimeout`. Infinity is allowed. */
  timeout?: number;
  /** Withdraws the wait; the call then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Whether to keep the lease alive until `release` or `releaseAll` of the same owner; `expire` is then 60 unless given. */
  renew?: boolean;
  /**
   * Gets the lock object, with its tokens, before `acquire` resolves. A promise that it returns is waited for. If it throws or
   * rejects, the lock is given back, and `acquire` rejects with that error.
   */
  onHeld?: (lock: Lock) => unknown;
  /** Is told once if the lock is lost before its release: its lease lapsed, or somebody took it away. */
  onLost?: (error: LockError) => unknown;
}

/** The locking provider that Medusa's Locking Module calls. */
export class RedisLockingProvider {
  static identifier = "locking-redis";

  readonly #client: LockClient;
  readonly #kept: KeptLocks;
  readonly #waitS: number;
  readonly #tryWaitMs: number;
  readonly #log: Log;

  constructor(dependencies: Dependencies) {
    const { client, kept, waitLockingTimeoutS, tryWaitMs, log } = dependencies[CLIENT];
    this.#client = client;
    this.#kept = kept;
    this.#waitS = waitLockingTimeoutS;
    this.#tryWaitMs = tryWaitMs;
    this.#log = log;
  }

  /**
   * Runs `job` while holding `keys`, all of them or none, and keeps the lease alive underneath it.
   *
   * Rejects with LOCK_TIMEOUT when the keys could not be had in time, with LOCK_LOST when the lock was not the
   * job's own until its end, and with whatever the job throws.
   */
  async execute<T>(keys: string | string[], job: (signal?: AbortSignal, lock?: Lock) => Promise<T>, args?: ExecuteArgs): Promise<T> {
    const parsed = parseKeys(keys);
    if (typeof job !== "function") {
      throw argumentError(`the job must be a function, got ${kindOf(job)}.`);
    }
    // Each argument is read once, before anything is asked for.
    const { timeout, expire, signal: wish } = args ?? {};
    const timeoutMs = waitMs(timeout, this.#waitS);
    const leaseMs = executeLeaseMs(expire);
    const signal = parseSignal(wish);
    if (parsed.length === 0 && typeof parsed !== "string") {
      const empty = new EmptyLock();
      return await job(empty.signal, empty);
    }
    const looks = looksAtItsLock(job);
    const hold = await this.#client.lock(parsed, leaseMs, timeoutMs, signal);
    const lock = looks ? this.#client.watch(hold, parsed) : undefined;
    let result: T;
    this.#client.jobs += 1;
    try {
      result = await (lock ? job(lock.signal, lock) : job());
    } catch (error) {
      await this.#client.unlock(hold, parsed);
      throw error;
    } finally {
      this.#client.jobs -= 1;
    }
    const lost = await this.#client.unlock(hold, parsed);
    lock?.signal.throwIfAborted();
    if (lost) {
      // The job did not have its keys to itself until now, so its result cannot be reported as if it had.
      throw lost;
    }
    return result;
  }

  /**
   * Takes `keys`, all of them or none. Without `awaitQueue` it rejects with LOCK_NOT_ACQUIRED when another owner
   * holds one, at once or after `tryWaitMs`; with it, it waits, and rejects with LOCK_TIMEOUT.
   */
  async acquire(keys: string | string[], args?: AcquireArgs): Promise<void> {
    const parsed = parseKeys(keys);
    const { ownerId, expire, awaitQueue, timeout, signal: wish, renew, onHeld: held, onLost: lost } = args ?? {};
    const owner = parseOwner(ownerId);
    const leaseMs = renew ? renewedLeaseMs(expire) : acquireLeaseMs(expire);
    const timeoutMs = waitMs(timeout, this.#waitS);
    const signal = parseSignal(wish);
    const named = { onHeld: parseCallback("onHeld", held), onLost: parseCallback("onLost", lost) };
    const { onHeld, onLost, accepted } = guardLockCallbacks(named, this.#log);
    if (parsed.length === 0 && typeof parsed !== "string") {
      return;
    }
    const known = onHeld || onLost ? Keep.Known : Keep.No;
    const hold = await this.#client.acquire(parsed, owner, {
      leaseMs,
      waitMs: awaitQueue ? timeoutMs : this.#tryWaitMs,
      refuse: !awaitQueue,
      keep: renew ? Keep.Renewed : known,
      signal,
    });
    if (hold > 0 && known) {
      this.#kept.add(hold, parsed, owner, renew === true, onHeld, onLost);
      await accepted().catch((error) => this.#giveBack(parsed, owner, error));
    }
  }

  /** Gives `keys` back, each only if it is the owner's. Resolves true when every one was; null and undefined are nobody's. */
  async release(keys: string | string[], args?: { ownerId?: string | null }): Promise<boolean> {
    const { keys: parsed, complete } = parseKeysToRelease(keys);
    const owner = parseOwner(args?.ownerId);
    if (parsed.length === 0 && typeof parsed !== "string") {
      return complete;
    }
    this.#kept.release(owner, parsed);
    return (await this.#client.release(parsed, owner)) && complete;
  }

  /**
   * Gives back every lock of the owner, or, without one, every lock in the namespace. The latter is refused
   * (INVALID_ARGUMENT) when `namespace` and `keyPrefix` are both empty.
   */
  async releaseAll(args?: { ownerId?: string | null }): Promise<void> {
    const ownerId = args?.ownerId ?? undefined;
    const owner = ownerId === undefined ? undefined : parseOwner(ownerId);
    if (owner !== undefined) {
      this.#kept.release(owner);
    }
    await this.#client.releaseAll(owner);
  }

  /** Gives back what the caller's `onHeld` did not want, and rejects with its error, whatever becomes of the release. */
  async #giveBack(keys: string | string[], owner: string, error: unknown): Promise<never> {
    this.#kept.release(owner, keys);
    await this.#client
      .release(keys, owner)
      .catch((trouble) => this.#log.warn(`A lock that onHeld did not accept could not be given back at once: ${textOf(trouble)}`));
    throw error;
  }

  /** Takes no more calls, lets running jobs end (up to `drainTimeoutMs`), and closes the connection. Idempotent. */
  shutdown(): Promise<void> {
    return this.#client.shutdown();
  }
}

/**
 * Whether a job can see what it is called with. An arrow function that declares no parameter cannot, and most jobs
 * are such: an AbortSignal for each would cost as much as all the rest of `execute`.
 */
function looksAtItsLock(job: (...args: never[]) => unknown): boolean {
  return job.length > 0 || !/^(async\s*)?\(\s*\)\s*=>/.test(Function.prototype.toString.call(job));
}
