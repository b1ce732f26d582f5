import { HoldState, type NativeClient } from "../../../native";
import { type LockError, type LossKind, lockError, lostError, type TakenBy } from "./errors";

/**
 * The lock that a job of `execute` runs under, valid until the job ends; or that `acquire` handed to `onHeld`, valid
 * until its release.
 */
export interface Lock {
  /** The keys, each once, as the caller named them. */
  readonly keys: readonly string[];
  /** The owner, as it stands in Redis. */
  readonly ownerId: string;
  /** Aborts when the lock is lost, with the error that `execute` will throw as its reason. */
  readonly signal: AbortSignal;
  /**
   * A number per key that rises with every hold of the key: give it to the resource, which refuses lower ones.
   * `undefined` if the server gives no number (see the README, "Guarantees").
   */
  readonly fencingTokens: Readonly<Record<string, number | undefined>>;
  /** The number of the only key; `undefined` if there are several. */
  readonly fencingToken: number | undefined;
  /** Milliseconds until the lease can lapse if it is not renewed (the least of all keys). 0 when it is lost, Infinity without a lease. */
  remainingMs(): number;
  /** Throws the reason if the lock is lost, also if the event loop had no time to fire the signal. */
  assertHeld(): void;
}

/** @internal One hold, from the grant to the release. */
export class HeldLock implements Lock {
  readonly keys: readonly string[];
  readonly #native: NativeClient;
  readonly #controller = new AbortController();
  /** Owner and tokens of the hold, once they were read. They are read before the hold ends. */
  #facts: { ownerId: string; tokens: Readonly<Record<string, number | undefined>> } | undefined;
  /** Keys that were released while others of the same lock are still held. */
  #givenBack: Set<string> | undefined;

  constructor(
    native: NativeClient,
    /** The native id of the hold. Another one when the lock was prolonged. */
    public hold: number,
    keys: string | string[],
    /** What a lapsed lease means for a lock of this kind. */
    private readonly end: { what: LossKind; takenBy: TakenBy },
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

  get fencingToken(): number | undefined {
    const [key, ...others] = this.keys;
    return key === undefined || others.length > 0 ? undefined : this.fencingTokens[key];
  }

  remainingMs(): number {
    return this.signal.aborted || this.#givenBack ? 0 : this.#native.remainingMs(this.hold);
  }

  assertHeld(): void {
    this.signal.throwIfAborted();
    const state = this.#native.holdState(this.hold);
    if (state === HoldState.Lost || state === HoldState.Lapsed) {
      const unrenewed = this.#native.unrenewed(this.hold) ?? undefined;
      const what = state === HoldState.Lost ? "taken-away" : this.end.what;
      throw lostError([...this.keys], what, this.end.takenBy, unrenewed);
    }
    if (this.#givenBack || state === HoldState.Gone) {
      const keys = this.#givenBack ? [...this.#givenBack] : [...this.keys];
      throw lockError("LOCK_RELEASED", `The lock for key(s) "${keys.join('", "')}" was given back.`, keys);
    }
  }

  /** Owner and tokens. The first call reads them from the addon; it comes before the hold ends, so they stay known. */
  readFacts(): { ownerId: string; tokens: Readonly<Record<string, number | undefined>> } {
    if (!this.#facts) {
      const { owner = "", keys = [], tokens = [] } = this.#native.holdFacts(this.hold) ?? {};
      const places = new Map(keys.map((key, at) => [key, at]));
      // Keys are UTF-8 in Redis, and UTF-8 has no lone surrogates.
      const entries = this.keys.map((key) => [key, tokens[places.get(key.toWellFormed()) ?? -1]] as const);
      // With a prototype, as Medusa calls methods of what a step returns. A key may be called "__proto__": it is not assigned, but defined.
      this.#facts = { ownerId: owner, tokens: Object.freeze(Object.fromEntries(entries)) };
    }
    return this.#facts;
  }

  /** Whether another native hold is of the same locks: a lock that was lost and taken anew has higher numbers. */
  isContinuedBy(hold: number): boolean {
    const { tokens } = this.readFacts();
    const other = new HeldLock(this.#native, hold, [...this.keys], this.end).fencingTokens;
    return this.keys.every((key) => tokens[key] === other[key]);
  }

  /** Notes that one of the keys is released. True when none is left. */
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

/** @internal The lock of `execute([], job)`: it has no key and is never lost. */
export class EmptyLock implements Lock {
  readonly keys = [];
  readonly ownerId = "";
  readonly signal: AbortSignal = new AbortController().signal;
  readonly fencingTokens = {};
  readonly fencingToken = undefined;

  remainingMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  assertHeld(): void {}
}
