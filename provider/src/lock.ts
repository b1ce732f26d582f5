import { HoldState, type NativeClient } from "../../native";
import { type LockError, type LossKind, lockError, lostError } from "./errors";

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

/** @internal One hold, from the grant to the release. */
export class HeldLock implements Lock {
  readonly keys: readonly string[];
  readonly #native: NativeClient;
  readonly #controller = new AbortController();
  /** What the addon knows of the hold; read at the latest before the hold ends. */
  #facts: { ownerId: string; tokens: Record<string, number | undefined> } | undefined;
  /** Keys that were given back while others of the same lock are still held. */
  #givenBack: Set<string> | undefined;

  constructor(
    native: NativeClient,
    /** The native id of the hold. */
    readonly hold: number,
    keys: string | string[],
    /** What happens to a lock of this kind when its time is over. */
    private readonly end: { what: LossKind; ofJob: boolean },
  ) {
    this.#native = native;
    this.keys = typeof keys === "string" ? [keys] : [...new Set(keys)];
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get ownerId(): string {
    return this.readFacts().ownerId;
  }

  get fencingTokens(): Readonly<Record<string, number | undefined>> {
    return this.readFacts().tokens;
  }

  remainingMs(): number {
    return this.signal.aborted || this.#givenBack ? 0 : this.#native.remainingMs(this.hold);
  }

  assertHeld(): void {
    this.signal.throwIfAborted();
    const state = this.#native.holdState(this.hold);
    if (state === HoldState.Lost) {
      throw lostError([...this.keys], this.end.what, this.end.ofJob);
    }
    if (this.#givenBack || state === HoldState.Gone) {
      const keys = this.#givenBack ? [...this.#givenBack] : [...this.keys];
      throw lockError("LOCK_RELEASED", `The lock for key(s) "${keys.join('", "')}" was given back.`, keys);
    }
  }

  /** Owner and tokens, from the addon the first time. Called before the hold ends, so that they are still there afterwards. */
  readFacts(): { ownerId: string; tokens: Record<string, number | undefined> } {
    if (!this.#facts) {
      const { owner = "", keys = [], tokens = [] } = this.#native.holdFacts(this.hold) ?? {};
      const places = new Map(keys.map((key, at) => [key, at]));
      // Without a prototype: a key may be called "__proto__".
      const byKey: Record<string, number | undefined> = Object.create(null);
      for (const key of this.keys) {
        // Redis has keys as UTF-8, which knows no lone surrogates.
        byKey[key] = tokens[places.get(key.toWellFormed()) ?? -1];
      }
      this.#facts = { ownerId: owner, tokens: byKey };
    }
    return this.#facts;
  }

  /** One of its keys is given back. True when none is left. */
  giveBack(key: string): boolean {
    this.readFacts();
    this.#givenBack ??= new Set();
    this.#givenBack.add(key);
    return this.#givenBack.size === this.keys.length;
  }

  /** Aborts the job's signal with the error that says what happened. */
  lose(error: LockError): void {
    this.readFacts();
    this.#controller.abort(error);
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
