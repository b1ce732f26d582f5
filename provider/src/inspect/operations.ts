import { hostname } from "node:os";
import type { NativeOptions } from "../../../native";
import { type LockError, type LockErrorCode, lockError } from "../client/errors";
import type { ClientStats } from "../client/observer";
import { InspectionError, type Inspector, openInspector } from "./inspector";
import type { LockList, LockStatus } from "./lock-status";
import { findLock, listLocks } from "./locks";

/** How many locks are listed where nobody says. */
const MOST_LOCKS = 1_000;

const CODES: Record<InspectionError["kind"], LockErrorCode> = { broken: "REDIS_UNREACHABLE", refused: "REDIS_REFUSED" };

/** Whether Redis answers. */
export interface LockHealth {
  /** Redis answers. */
  ok: boolean;
  /** How long a question to Redis takes, in milliseconds; null: it is not answered. The first one connects. */
  roundTripMs: number | null;
  /** Why it is not answered; null: it is. It shows no password. */
  reason: string | null;
}

/**
 * What operators see and do. All methods work over connections of their own, which are made when they are first asked, and reject with
 * REDIS_UNREACHABLE or REDIS_REFUSED.
 */
export interface LockOperations {
  /** The locks in the namespace, those that are waited for longest first. `most`: how many are listed at most; default 1000. */
  locks(options?: { most?: number }): Promise<LockList>;
  /** One lock; undefined: nobody has it and nobody waits for it. */
  lock(key: string): Promise<LockStatus | undefined>;
  /**
   * Takes locks away from whoever holds them at the moment, and hands over to the next waiter. The job that loses its lock is told `by`
   * whom; default: this process. Resolves with the keys that were taken away.
   */
  free(keys: string | string[], options?: { by?: string }): Promise<string[]>;
  /** Whether Redis answers. Never rejects. */
  health(): Promise<LockHealth>;
  /** What this process' client counts and knows. It asks nobody. */
  stats(): ClientStats;
}

/** @internal The part of {@link LockOperations} that asks Redis and processes. */
export class Operations implements Omit<LockOperations, "stats"> {
  readonly #options: NativeOptions;
  #inspector: Inspector | undefined;
  #closed = false;

  constructor(options: NativeOptions) {
    this.#options = options;
  }

  locks({ most = MOST_LOCKS }: { most?: number } = {}): Promise<LockList> {
    return this.#asked((inspector) => listLocks(inspector, this.#options.prefix, most));
  }

  lock(key: string): Promise<LockStatus | undefined> {
    return this.#asked((inspector) => findLock(inspector, this.#options.prefix, key));
  }

  free(keys: string | string[], { by = `pid ${process.pid} on ${hostname()}` }: { by?: string } = {}): Promise<string[]> {
    return this.#asked(async (inspector) => {
      const freed: string[] = [];
      for (const key of typeof keys === "string" ? [keys] : keys) {
        const [stored] = await inspector.read([this.#options.prefix + key]);
        // From the owner that was seen: the next holder keeps its lock.
        if (stored && stored.owner !== null && (await inspector.free(stored.key, stored.owner, by))) {
          freed.push(key);
        }
      }
      return freed;
    });
  }

  async health(): Promise<LockHealth> {
    try {
      const began = performance.now();
      // A user who may lock may read; it may not be allowed to PING.
      await this.#asked((inspector) => inspector.read([`${this.#options.prefix}health`]));
      return { ok: true, roundTripMs: performance.now() - began, reason: null };
    } catch (error) {
      return { ok: false, roundTripMs: null, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Closes the connections. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#inspector?.close();
    this.#inspector = undefined;
  }

  async #asked<T>(ask: (inspector: Inspector) => Promise<T>): Promise<T> {
    if (this.#closed) {
      throw closedError();
    }
    this.#inspector ??= openInspector(this.#options);
    try {
      return await ask(this.#inspector);
    } catch (error) {
      if (this.#closed) {
        throw closedError();
      }
      if (error instanceof InspectionError) {
        throw lockError(CODES[error.kind], `Redis could not be asked about its locks: ${error.message}`, [], error.message);
      }
      throw error;
    }
  }
}

function closedError(): LockError {
  return lockError("PROVIDER_CLOSED", "The locking provider was shut down; it takes no more calls.");
}
