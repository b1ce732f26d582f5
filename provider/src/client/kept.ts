import type { LockClient } from "./client";
import { type LockError, lostError } from "./errors";
import type { HeldLock, Lock } from "./lock";

/** @internal The locks of `acquire` with `onHeld` or `onLost`, until their release or loss: by owner, then by key. */
export class KeptLocks {
  readonly #client: LockClient;
  readonly #byOwner = new Map<string, Map<string, Set<HeldLock>>>();

  constructor(client: LockClient) {
    this.#client = client;
  }

  /** Makes the lock object of keys that were just taken, hands it to `onHeld`, and returns it. */
  add(
    hold: number,
    keys: string | string[],
    owner: string,
    renews: boolean,
    onHeld: ((lock: Lock) => unknown) | undefined,
    onLost: ((error: LockError) => unknown) | undefined,
  ): HeldLock {
    const lock = this.#client.watchKept(hold, keys, renews, (lost) => {
      this.#forget(owner, lost);
      onLost?.(lost.signal.reason);
    });
    for (const key of lock.keys) {
      this.#of(owner, key).add(lock);
    }
    onHeld?.(lock);
    return lock;
  }

  /** Notes that the owner releases `keys`, or all of its keys. */
  release(owner: string, keys?: string | string[]): void {
    const byKey = this.#byOwner.get(owner);
    for (const key of typeof keys === "string" ? [keys] : (keys ?? [...(byKey?.keys() ?? [])])) {
      for (const lock of byKey?.get(key) ?? []) {
        if (lock.giveBack(key)) {
          this.#client.unwatch(lock.hold);
          this.#forget(owner, lock);
        }
      }
    }
  }

  /** Gives back the lock that this `acquire` took. Other locks of the owner stay. */
  async rollBack(owner: string, lock: HeldLock): Promise<void> {
    for (const key of lock.keys) {
      lock.giveBack(key);
    }
    this.#client.unwatch(lock.hold);
    this.#forget(owner, lock);
    await this.#client.rollBack(lock.hold);
  }

  /** Notes that somebody took this lock away. The client found this out when it asked for the lock once more. */
  lose(owner: string, lock: HeldLock): void {
    lock.lose(lostError([...lock.keys], "taken-away", "acquire"));
    this.#client.unwatch(lock.hold);
    this.#forget(owner, lock);
    void this.#client.rollBack(lock.hold);
  }

  #of(owner: string, key: string): Set<HeldLock> {
    const byKey = this.#byOwner.get(owner) ?? new Map<string, Set<HeldLock>>();
    this.#byOwner.set(owner, byKey);
    const locks = byKey.get(key) ?? new Set<HeldLock>();
    byKey.set(key, locks);
    return locks;
  }

  #forget(owner: string, lock: HeldLock): void {
    const byKey = this.#byOwner.get(owner);
    for (const key of lock.keys) {
      const locks = byKey?.get(key);
      locks?.delete(lock);
      if (locks?.size === 0) {
        byKey?.delete(key);
      }
    }
    if (byKey?.size === 0) {
      this.#byOwner.delete(owner);
    }
  }
}
