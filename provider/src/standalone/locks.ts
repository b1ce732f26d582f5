import { randomUUID } from "node:crypto";
import { kindOf, parseKeys } from "../client/arguments";
import { LockClient } from "../client/client";
import { argumentError, type LockError, lockError } from "../client/errors";
import { guardedLog, type Log, textOf } from "../client/guard";
import { looksAtItsLock } from "../client/jobs";
import { KeptLocks } from "../client/kept";
import type { Lock } from "../client/lock";
import type { ClientStats } from "../client/observer";
import { placedLog } from "../client/place";
import type { LockList, LockStatus } from "../inspect/lock-status";
import { type FreeOptions, type LockHealth, type LockOperations, Operations } from "../inspect/operations";
import { telemetryOf } from "../telemetry/loading";
import { type AcquiredLock, keepOf, OwnedLock, type Surroundings } from "./acquired-lock";
import {
  type AcquireOptions,
  type Defaults,
  type LockOptions,
  parseAcquireOptions,
  parseLockOptions,
  type TryAcquireOptions,
} from "./arguments";
import { type LocksOptions, type ParsedLocksOptions, parseLocksOptions } from "./options";
import { logInOurWords } from "./words";

/** A job of {@link Locks.withLock}. */
export type Job<T> = (lock: Lock) => T | PromiseLike<T>;

/**
 * Makes a client for locks in Redis, without Medusa. It connects at once and returns before the connection stands; calls wait for it. An idle
 * client does not keep the process alive. Throws INVALID_OPTION for options that cannot be used.
 */
export function createLocks(options: LocksOptions): Locks {
  const parsed = parseLocksOptions(options);
  const log = guardedLog(parsed.logger);
  const placed = placedLog(log, parsed.native);
  for (const warning of parsed.warnings) {
    // The warning is already in our words and contains words of the user, so it must not be reworded.
    placed.warn(warning);
  }
  return new Locks(parsed, placedLog(logInOurWords(log), parsed.native));
}

/** Locks in Redis, made by {@link createLocks}. Every call reads its arguments once, at its beginning. */
export class Locks implements LockOperations {
  readonly #around: Surroundings;
  readonly #operations: Operations;
  readonly #defaults: Defaults;

  /** @internal */
  constructor({ native, waitMs, maximumLeaseMs, warnings: _, logger: __, ...terms }: ParsedLocksOptions, log: Log) {
    const client = new LockClient(native, { ...terms, jobsBy: "withLock" }, log, telemetryOf({ native, ...terms }, log));
    this.#operations = new Operations(native);
    client.closeWith(() => this.#operations.close());
    this.#around = { client, kept: new KeptLocks(client), log };
    this.#defaults = { waitMs, maximumLeaseMs };
  }

  /**
   * Resolves when the connection to Redis stands. Rejects with REDIS_UNREACHABLE if the connection fails or takes longer than 5 s; the client goes
   * on trying. No call needs this method.
   */
  async ready(): Promise<void> {
    try {
      await this.#around.client.ready();
    } catch (error) {
      const reason = error instanceof Error ? error.message : textOf(error);
      throw lockError("REDIS_UNREACHABLE", `Redis is not ready: ${reason}`, [], reason);
    }
  }

  /**
   * Takes all of `keys` or none, runs `job` while it holds them, and renews the lease as long as the job runs. Resolves with the job's result.
   *
   * Rejects with LOCK_TIMEOUT if the keys could not be taken in time, with LOCK_LOST if the lock was lost before the job's end, and with the job's
   * own error.
   */
  withLock<T>(keys: string | readonly string[], job: Job<T>): Promise<Awaited<T>>;
  withLock<T>(keys: string | readonly string[], options: LockOptions | undefined, job: Job<T>): Promise<Awaited<T>>;
  async withLock<T>(keys: string | readonly string[], ...rest: [Job<T>] | [LockOptions | undefined, Job<T>]): Promise<Awaited<T>> {
    const [options, job] = rest.length > 1 ? (rest as [LockOptions | undefined, Job<T>]) : [undefined, rest[0] as Job<T>];
    const parsed = parseKeys(keys, "");
    if (typeof job !== "function") {
      throw argumentError(`the job must be a function, got ${kindOf(job)}.`);
    }
    const terms = parseLockOptions(options, this.#defaults);
    // A job that cannot see its lock gets no lock object.
    return await this.#around.client.run(parsed, terms, looksAtItsLock(job), job as (lock: Lock | undefined) => T | PromiseLike<T>);
  }

  /** Takes all of `keys` or none, and renews their lease until the release. Rejects with LOCK_TIMEOUT if the keys could not be taken in time. */
  async acquire(keys: string | readonly string[], options?: AcquireOptions): Promise<AcquiredLock> {
    return await this.#acquire(keys, options, false);
  }

  /** Like {@link acquire}, but resolves with `undefined` if another owner holds one of the keys. */
  async tryAcquire(keys: string | readonly string[], options?: TryAcquireOptions): Promise<AcquiredLock | undefined> {
    try {
      return await this.#acquire(keys, options, true);
    } catch (error) {
      if ((error as LockError | undefined)?.code === "LOCK_NOT_ACQUIRED") {
        return undefined;
      }
      throw error;
    }
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

  async #acquire(keys: unknown, options: unknown, refuse: boolean): Promise<AcquiredLock> {
    const parsed = parseKeys(keys, "");
    if (parsed.length === 0 && typeof parsed !== "string") {
      throw argumentError("there must be at least one key, got an empty list.");
    }
    const { renews, owner: named, ...terms } = parseAcquireOptions(options, this.#defaults, refuse);
    const owner = named ?? randomUUID();
    const keep = keepOf(renews);
    const { client, kept } = this.#around;
    const hold = await client.acquire(parsed, owner, { ...terms, refuse, keep });
    const mostMs = renews ? this.#defaults.maximumLeaseMs : Number.POSITIVE_INFINITY;
    return new OwnedLock(kept.add(hold, parsed, owner, renews, undefined, undefined), owner, keep, mostMs, this.#around);
  }

  /** Numbers about this client's locks: see {@link ClientStats}. */
  stats(): ClientStats {
    return this.#around.client.stats();
  }

  /**
   * Accepts no more calls, fails the calls that wait (PROVIDER_CLOSED), lets running jobs end (up to `drainTimeoutMs`), and closes the connection.
   * It does not wait for locks of `acquire`, which end after 2 s or with their lease, so release them before. Idempotent.
   */
  close(): Promise<void> {
    return this.#around.client.shutdown();
  }
}
