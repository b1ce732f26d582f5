import { HoldState, type NativeClient } from "../../native";
import { lockError, lostError } from "./errors";

/**
 * The lock that a job of `execute` runs under, valid until the job ends; or that `acquire` handed to `onHeld`, valid
 * until its release.
 */
export interface Lock {
  /** The keys, each once, as the caller named them. */
  readonly keys: readonly string[];
  /** Who holds them, as it stands in Redis. */
  readonly ownerId: string;
  /** Aborts when the lock is lost, with the error that `execute` will throw as its reason. */
  readonly signal: AbortSignal;
  /**
   * A number per key that rises with every hold of the key: give it to the resource, which refuses lower ones.
   * `undefined` for a key where the server gives none (see the README, "Guarantees").
   */
  readonly fencingTokens: Readonly<Record<string, number | undefined>>;
  /** Milliseconds until the lease can lapse unless renewed (the least of all keys); 0 once it is lost; Infinity without one. */
  remainingMs(): number;
  /** Throws the reason if the lock is lost, also where the event loop had no time to fire the signal. */
  assertHeld(): void;
}

/** @internal One hold of `execute`, from the grant to the release. */
export class HeldLock implements Lock {
  readonly keys: readonly string[];
  readonly #native: NativeClient;
  readonly #controller = new AbortController();
  #ownerId: string | undefined;
  #tokens: Record<string, number | undefined> | undefined;

  constructor(
    native: NativeClient,
    /** The native id of the hold. */
    readonly hold: number,
    keys: string | string[],
    /** The lock has no lease. */
    readonly endless = false,
  ) {
    this.#native = native;
    this.keys = typeof keys === "string" ? [keys] : [...new Set(keys)];
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get ownerId(): string {
    this.#ownerId ??= this.#native.holdOwner(this.hold) ?? undefined;
    return this.#ownerId ?? "";
  }

  get fencingTokens(): Readonly<Record<string, number | undefined>> {
    if (!this.#tokens) {
      const tokens = this.#native.holdTokens(this.hold);
      const names = this.#native.holdKeys(this.hold);
      // Without a prototype: a key may be called "__proto__".
      const byKey: Record<string, number | undefined> = Object.create(null);
      for (const key of this.keys) {
        // Redis has keys as UTF-8, which knows no lone surrogates.
        byKey[key] = tokens[names.indexOf(key.toWellFormed())];
      }
      this.#tokens = byKey;
    }
    return this.#tokens;
  }

  remainingMs(): number {
    const leftMs = this.#native.remainingMs(this.hold);
    return this.endless && leftMs > 0 ? Number.POSITIVE_INFINITY : leftMs;
  }

  assertHeld(): void {
    this.signal.throwIfAborted();
    const state = this.#native.holdState(this.hold);
    if (state === HoldState.Lost) {
      throw lostError([...this.keys]);
    }
    if (state === HoldState.Gone) {
      const message = `The lock for key(s) "${this.keys.join('", "')}" was given back.`;
      throw lockError("LOCK_RELEASED", message, [...this.keys]);
    }
  }

  /** Aborts the job's signal. */
  lose(keys: readonly string[]): void {
    this.#controller.abort(lostError([...keys]));
  }
}

/** @internal The lock of `execute([], job)`: no key, nothing to lose. */
export class EmptyLock implements Lock {
  readonly keys = [];
  readonly ownerId = "";
  readonly signal: AbortSignal = new AbortController().signal;
  readonly fencingTokens = {};

  remainingMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  assertHeld(): void {}
}
