import type { LockClient } from "./client";
import type { LockError } from "./errors";
import type { HeldLock, Lock } from "./lock";

interface Kept {
  lock: HeldLock;
  owner: string;
  /** What of it was not given back yet. */
  keys: Set<string>;
  told: () => void;
}

/** @internal The locks of `acquire` whose callers want to hear of them, until their release. */
export class KeptLocks {
  readonly #client: LockClient;
  readonly #kept = new Set<Kept>();

  constructor(client: LockClient) {
    this.#client = client;
  }

  /** Hands out a lock that was just taken. Gives it back, and rejects, when `onHeld` throws. */
  async add(
    hold: number,
    keys: string | string[],
    owner: string,
    endless: boolean,
    onHeld: ((lock: Lock) => void) | undefined,
    onLost: ((error: LockError) => void) | undefined,
  ): Promise<void> {
    const lock = this.#client.watch(hold, keys, endless);
    const told = () => onLost?.(lock.signal.reason);
    lock.signal.addEventListener("abort", told, { once: true });
    this.#kept.add({ lock, owner, keys: new Set(lock.keys), told });
    try {
      onHeld?.(lock);
    } catch (error) {
      this.release(owner, keys);
      await this.#client.release(keys, owner);
      throw error;
    }
  }

  /** The owner gives back `keys`, or all. */
  release(owner: string, keys?: string | string[]): void {
    for (const kept of this.#kept) {
      if (kept.owner !== owner) {
        continue;
      }
      for (const key of typeof keys === "string" ? [keys] : (keys ?? kept.lock.keys)) {
        kept.keys.delete(key);
      }
      if (kept.keys.size === 0) {
        kept.lock.signal.removeEventListener("abort", kept.told);
        this.#client.unwatch(kept.lock.hold);
        this.#kept.delete(kept);
      }
    }
  }
}
