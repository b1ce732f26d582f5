import type { Logger } from "@medusajs/framework/types";
import {
  acquireLeaseMs,
  executeLeaseMs,
  kindOf,
  parseCallback,
  parseKeys,
  parseOwner,
  parseSignal,
  renewedLeaseMs,
  waitMs,
} from "./arguments";
import { Keep, type LockClient } from "./client";
import { argumentError, type LockError, lostError } from "./errors";
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
}

interface Dependencies {
  [CLIENT]: LoadedClient;
  logger?: Logger;
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
  /** Gets the lock object, with its tokens, before `acquire` resolves. If it throws, the lock is given back. */
  onHeld?: (lock: Lock) => void;
  /** Is told once if the lock is lost before its release: its lease lapsed, or somebody took it away. */
  onLost?: (error: LockError) => void;
}

/** The locking provider that Medusa's Locking Module calls. */
export class RedisLockingProvider {
  static identifier = "locking-redis";

  readonly #client: LockClient;
  readonly #kept: KeptLocks;
  readonly #waitS: number;
  readonly #tryWaitMs: number;

  constructor(dependencies: Dependencies) {
    const { client, kept, waitLockingTimeoutS, tryWaitMs } = dependencies[CLIENT];
    this.#client = client;
    this.#kept = kept;
    this.#waitS = waitLockingTimeoutS;
    this.#tryWaitMs = tryWaitMs;
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
    const timeoutMs = waitMs(args?.timeout, this.#waitS);
    const leaseMs = executeLeaseMs(args?.expire);
    const signal = parseSignal(args?.signal);
    if (parsed.length === 0 && typeof parsed !== "string") {
      const empty = new EmptyLock();
      return await job(empty.signal, empty);
    }
    const looks = looksAtItsLock(job);
    const hold = await this.#client.lock(parsed, leaseMs, timeoutMs, looks, signal);
    const lock = looks ? this.#client.watch(hold, parsed) : undefined;
    let result: T;
    try {
      result = await (lock ? job(lock.signal, lock) : job());
    } catch (error) {
      await this.#client.unlock(hold, parsed);
      throw error;
    }
    const lost = await this.#client.unlock(hold, parsed);
    lock?.signal.throwIfAborted();
    if (lost.length > 0) {
      // The job did not have its keys to itself until now, so its result cannot be reported as if it had.
      throw lostError([...lost]);
    }
    return result;
  }

  /**
   * Takes `keys`, all of them or none. Without `awaitQueue` it rejects with LOCK_NOT_ACQUIRED when another owner
   * holds one, at once or after `tryWaitMs`; with it, it waits, and rejects with LOCK_TIMEOUT.
   */
  async acquire(keys: string | string[], args?: AcquireArgs): Promise<void> {
    const parsed = parseKeys(keys);
    const owner = parseOwner(args?.ownerId);
    const leaseMs = args?.renew ? renewedLeaseMs(args.expire) : acquireLeaseMs(args?.expire);
    const timeoutMs = waitMs(args?.timeout, this.#waitS);
    const signal = parseSignal(args?.signal);
    const onHeld = parseCallback("onHeld", args?.onHeld);
    const onLost = parseCallback("onLost", args?.onLost);
    if (parsed.length === 0 && typeof parsed !== "string") {
      return;
    }
    const known = onHeld || onLost ? Keep.Known : Keep.No;
    const hold = await this.#client.acquire(parsed, owner, {
      leaseMs,
      waitMs: args?.awaitQueue ? timeoutMs : this.#tryWaitMs,
      refuse: !args?.awaitQueue,
      keep: args?.renew ? Keep.Renewed : known,
      signal,
    });
    if (hold > 0 && known) {
      await this.#kept.add(hold, parsed, owner, leaseMs === 0, onHeld, onLost);
    }
  }

  /** Gives `keys` back, each only if it is the owner's. Resolves true when every one was. */
  async release(keys: string | string[], args?: { ownerId?: string | null }): Promise<boolean> {
    const parsed = parseKeys(keys);
    const owner = parseOwner(args?.ownerId);
    if (parsed.length === 0 && typeof parsed !== "string") {
      return true;
    }
    this.#kept.release(owner, parsed);
    return await this.#client.release(parsed, owner);
  }

  /**
   * Gives back every lock of the owner, or, without one, every lock in the namespace. The latter is refused
   * (INVALID_ARGUMENT) when `namespace` and `keyPrefix` are both empty.
   */
  async releaseAll(args?: { ownerId?: string | null }): Promise<void> {
    const owner = args?.ownerId === undefined || args.ownerId === null ? undefined : parseOwner(args.ownerId);
    if (owner !== undefined) {
      this.#kept.release(owner);
    }
    await this.#client.releaseAll(owner);
  }

  /** Takes no more calls, lets running jobs end (up to `drainTimeoutMs`), and closes the connection. Idempotent. */
  shutdown(): Promise<void> {
    return this.#client.shutdown();
  }
}

/**
 * Whether a job can see what it is called with. An arrow function that declares no parameter cannot, and most jobs
 * are such: an AbortSignal for each would cost as much as all the rest of `execute`, and a fencing token Redis a fifth of its work.
 */
function looksAtItsLock(job: (...args: never[]) => unknown): boolean {
  return job.length > 0 || !/^(async\s*)?\(\s*\)\s*=>/.test(Function.prototype.toString.call(job));
}
