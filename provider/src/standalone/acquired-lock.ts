import type { LockClient } from "../client/client";
import { type LockError, lostError } from "../client/errors";
import { type Log, textOf } from "../client/guard";
import type { KeptLocks } from "../client/kept";
import type { HeldLock, Lock } from "../client/lock";
import { type AcquireTerms, Keep } from "../client/terms";
import { parseLeaseMs } from "./arguments";

/** A lock of {@link Locks.acquire}, valid until its release. `await using` releases it at the end of a block. */
export interface AcquiredLock extends Lock {
  /**
   * Makes the lock end in `leaseMs` milliseconds (1000 or more; default 60000), but never earlier than it would end without this call. Rejects with
   * LOCK_LOST if the lock is lost, and with LOCK_RELEASED after its release.
   */
  extend(leaseMs?: number): Promise<void>;
  /**
   * Releases the keys. Resolves true if all of them were still held. After the first release, a further call only resolves with the same result.
   * Rejects if Redis does not answer. Then the release may be tried again, and the keys are free after their lease at the latest.
   */
  release(): Promise<boolean>;
  /** Releases the keys. Does not reject; a release that fails is logged. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** @internal The parts that all locks of one client share. */
export interface Surroundings {
  client: LockClient;
  kept: KeptLocks;
  log: Log;
}

/** The symbol that `await using` looks for. Node.js before 20.5 does not have it; there TypeScript's helpers need a polyfill of it, too. */
const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");

/** @internal */
export class OwnedLock implements AcquiredLock {
  readonly #lock: HeldLock;
  readonly #owner: string;
  readonly #keep: Keep;
  readonly #mostMs: number;
  readonly #around: Surroundings;
  #released: Promise<boolean> | undefined;

  /** `mostMs` is the longest lease, also for `extend`. */
  constructor(lock: HeldLock, owner: string, keep: Keep, mostMs: number, around: Surroundings) {
    this.#lock = lock;
    this.#owner = owner;
    this.#keep = keep;
    this.#mostMs = mostMs;
    this.#around = around;
  }

  get keys(): readonly string[] {
    return this.#lock.keys;
  }

  get ownerId(): string {
    return this.#lock.ownerId;
  }

  get signal(): AbortSignal {
    return this.#lock.signal;
  }

  get fencingTokens(): Readonly<Record<string, number | undefined>> {
    return this.#lock.fencingTokens;
  }

  get fencingToken(): number | undefined {
    return this.#lock.fencingToken;
  }

  remainingMs(): number {
    return this.#lock.remainingMs();
  }

  assertHeld(): void {
    this.#lock.assertHeld();
  }

  async extend(leaseMs?: number): Promise<void> {
    const wantedMs = Math.min(parseLeaseMs(leaseMs), this.#mostMs);
    this.assertHeld();
    const terms: AcquireTerms = {
      leaseMs: Math.max(wantedMs, Math.ceil(this.remainingMs())),
      waitMs: 0,
      refuse: true,
      keep: this.#keep,
      signal: undefined,
      label: undefined,
    };
    const { client } = this.#around;
    const keys = [...this.keys];
    const hold = await client.acquire(keys, this.#owner, terms).catch((error: LockError) => {
      throw error.code === "LOCK_NOT_ACQUIRED" ? lostError(keys, "taken-away", "acquire") : error;
    });
    if (!client.prolong(this.#lock, hold)) {
      if (!this.#released) {
        this.#around.kept.lose(this.#owner, this.#lock);
      }
      this.assertHeld();
    }
  }

  release(): Promise<boolean> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<boolean> {
    const keys = [...this.keys];
    try {
      this.#around.kept.release(this.#owner, keys);
      return await this.#around.client.release(keys, this.#owner);
    } catch (error) {
      this.#released = undefined;
      throw error;
    }
  }

  async [asyncDispose](): Promise<void> {
    await this.release().catch((error) => this.#warn(error));
  }

  #warn(error: unknown): void {
    this.#around.log.warn(`A lock could not be released at once (${textOf(error)}); Redis frees it when its lease ends at the latest.`);
  }
}

/** @internal How the lease of a lock is kept. */
export function keepOf(renews: boolean): Keep {
  return renews ? Keep.Renewed : Keep.Known;
}
