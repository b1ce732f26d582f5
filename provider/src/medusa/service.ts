import { kindOf, parseCallback, parseKeys, parseKeysToRelease, parseLabel, parseOwner, parseSignal } from "../client/arguments";
import { guardLockCallbacks } from "../client/callbacks";
import type { LockClient } from "../client/client";
import { argumentError, type LockError } from "../client/errors";
import type { Log } from "../client/guard";
import { looksAtItsLock } from "../client/jobs";
import type { KeptLocks } from "../client/kept";
import type { Lock } from "../client/lock";
import type { ClientStats } from "../client/observer";
import { Keep } from "../client/terms";
import type { LockList, LockStatus } from "../inspect/lock-status";
import type { FreeOptions, LockHealth, LockOperations, Operations } from "../inspect/operations";
import { type CallContext, labelOf } from "./context";
import { acquireLeaseMs, executeLeaseMs, renewedLeaseMs, waitMs } from "./seconds";

/** @internal The name under which the loader registers its result in the container, for the service. */
export const CLIENT = "lockingRedisClient";

/** @internal The loader's result for the service. */
export interface LoadedClient {
  client: LockClient;
  operations: Operations;
  kept: KeptLocks;
  waitLockingTimeoutS: number;
  tryWaitMs: number;
  maximumLeaseMs: number;
  log: Log;
}

/** @internal The dependencies that Medusa hands to the service. */
interface Dependencies {
  [CLIENT]: LoadedClient;
}

/** Arguments of {@link RedisLockingProvider.execute}. */
export interface ExecuteArgs {
  /** Longest wait for the keys, in seconds; at least 1, default `waitLockingTimeout`. Infinity is allowed. */
  timeout?: number;
  /** Length of the lease, in seconds; at least 1, default 60. It is renewed for as long as the job runs. */
  expire?: number;
  /** Withdraws the wait; the call then rejects with the signal's reason. It does not stop a job that has begun. */
  signal?: AbortSignal;
  /** A label for the call, which is shown to people who look at locks; cut to 200 characters. Default: the facts in Medusa's context. */
  label?: string;
}

/** Arguments of {@link RedisLockingProvider.acquire}. */
export interface AcquireArgs {
  /** The owner of the lock; without it the lock has no particular owner. The same owner extends its lock. */
  ownerId?: string | null;
  /** Seconds until the lock ends by itself; at least 1. If it is missing, 0 or NaN, the lock does not end by itself. */
  expire?: number;
  /** Whether to wait while another owner holds a key; default false. */
  awaitQueue?: boolean;
  /** Longest wait with `awaitQueue`, in seconds; at least 1, default `waitLockingTimeout`. Infinity is allowed. */
  timeout?: number;
  /** Withdraws the wait; the call then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Whether the lease is renewed until `release` or `releaseAll` of the same owner; the default of `expire` is then 60. */
  renew?: boolean;
  /**
   * Gets the lock object, with its tokens, before `acquire` resolves. If it returns a promise, `acquire` waits for it. If it throws or rejects, the
   * lock is given back, and `acquire` rejects with that error.
   */
  onHeld?: (lock: Lock) => unknown;
  /** Called once if the lock is lost before its release: its lease lapsed, or the lock was taken away. */
  onLost?: (error: LockError) => unknown;
  /** A label for the call, which is shown to people who look at locks; cut to 200 characters. Default: the facts in Medusa's context. */
  label?: string;
}

/** The locking provider that Medusa's Locking Module calls. */
export class RedisLockingProvider implements LockOperations {
  /** The name by which Medusa tells providers of one package apart. */
  static identifier = "locking-redis";

  readonly #client: LockClient;
  readonly #operations: Operations;
  readonly #kept: KeptLocks;
  readonly #waitS: number;
  readonly #tryWaitMs: number;
  readonly #maximumLeaseMs: number;
  readonly #log: Log;

  /** @internal Medusa calls this. */
  constructor(dependencies: Dependencies) {
    const { client, operations, kept, waitLockingTimeoutS, tryWaitMs, maximumLeaseMs, log } = dependencies[CLIENT];
    this.#client = client;
    this.#operations = operations;
    this.#kept = kept;
    this.#waitS = waitLockingTimeoutS;
    this.#tryWaitMs = tryWaitMs;
    this.#maximumLeaseMs = maximumLeaseMs;
    this.#log = log;
  }

  /**
   * Takes all of `keys` or none, runs `job` while it holds them, and renews the lease as long as the job runs.
   *
   * Rejects with LOCK_TIMEOUT if the keys could not be taken in time, with LOCK_LOST if the lock was lost before the job's end, and with the job's
   * own error.
   */
  execute<T>(
    keys: string | string[],
    job: (signal?: AbortSignal, lock?: Lock) => Promise<T>,
    args?: ExecuteArgs,
    context?: CallContext,
  ): Promise<Awaited<T>> {
    // This is no async function, because that would add a promise to each call.
    try {
      const parsed = parseKeys(keys);
      if (typeof job !== "function") {
        throw argumentError(`the job must be a function, got ${kindOf(job)}.`);
      }
      // Each argument is read once, before the first command.
      const { timeout, expire, signal, label } = args ?? {};
      const terms = {
        waitMs: waitMs(timeout, this.#waitS),
        leaseMs: Math.min(executeLeaseMs(expire), this.#maximumLeaseMs),
        signal: parseSignal(signal),
        label: parseLabel(label) ?? labelOf(context),
      };
      return this.#client.run(parsed, terms, looksAtItsLock(job), (lock) => (lock ? job(lock.signal, lock) : job()));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Takes all of `keys` or none. Without `awaitQueue` it rejects with LOCK_NOT_ACQUIRED if another owner holds a key, at once or after `tryWaitMs`.
   * With `awaitQueue` it waits, and rejects with LOCK_TIMEOUT.
   */
  async acquire(keys: string | string[], args?: AcquireArgs, context?: CallContext): Promise<void> {
    const parsed = parseKeys(keys);
    const { ownerId, expire, awaitQueue, timeout, signal: wish, renew, onHeld: held, onLost: lost, label: name } = args ?? {};
    const owner = parseOwner(ownerId);
    const leaseMs = renew ? Math.min(renewedLeaseMs(expire), this.#maximumLeaseMs) : acquireLeaseMs(expire);
    const timeoutMs = waitMs(timeout, this.#waitS);
    const signal = parseSignal(wish);
    const label = parseLabel(name) ?? labelOf(context);
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
      label,
    });
    if (hold > 0 && known) {
      const lock = this.#kept.add(hold, parsed, owner, renew === true, onHeld, onLost);
      await accepted().catch(async (error) => {
        // The release is not by the owner's name, because another `acquire` of the same owner may hold the keys, too.
        await this.#kept.rollBack(owner, lock);
        throw error;
      });
    }
  }

  /** Releases those of `keys` that the owner holds. Resolves true if the owner held all of them; nobody holds null and undefined. */
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
   * Releases every lock of the owner or, without an owner, every lock in the namespace. A call without an owner is refused (INVALID_ARGUMENT) if
   * `namespace` and `keyPrefix` are both empty.
   */
  async releaseAll(args?: { ownerId?: string | null }): Promise<void> {
    const ownerId = args?.ownerId ?? undefined;
    const owner = ownerId === undefined ? undefined : parseOwner(ownerId);
    if (owner !== undefined) {
      this.#kept.release(owner);
    }
    await this.#client.releaseAll(owner);
  }

  /** See {@link LockOperations.locks}. */
  locks(options?: { most?: number }): Promise<LockList> {
    return this.#operations.locks(options);
  }

  /** See {@link LockOperations.lock}. */
  lock(key: string): Promise<LockStatus | undefined> {
    return this.#operations.lock(key);
  }

  /** See {@link LockOperations.free}. */
  free(keys: string | string[], options?: FreeOptions): Promise<string[]> {
    return this.#operations.free(keys, options);
  }

  /** See {@link LockOperations.health}. */
  health(): Promise<LockHealth> {
    return this.#operations.health();
  }

  /** Numbers about this instance's locks: see {@link ClientStats}. */
  stats(): ClientStats {
    return this.#client.stats();
  }

  /** Accepts no more calls, lets running jobs end (up to `drainTimeoutMs`), and closes the connection. Idempotent. */
  shutdown(): Promise<void> {
    return this.#client.shutdown();
  }
}
