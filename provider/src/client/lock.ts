import { HoldState, type NativeClient } from "../../../native";
import { type LockError, type LossKind, lockError, lostError, type TakenBy } from "./errors";

/**
 * The lock under which a job of `execute` runs, valid until the job ends, or the lock that `acquire` handed to `onHeld`, valid until its release.
 */
export interface Lock {
  /** The keys, each once, as the caller named them. */
  readonly keys: readonly string[];
  /** The owner, as the lock key in Redis contains it. */
  readonly ownerId: string;
  /** Aborts when the lock is lost. Its reason is the error that `execute` will throw. */
  readonly signal: AbortSignal;
  /**
   * One number per key, which rises with every hold of the key. Give it to the resource, which refuses lower numbers. `undefined` if the server
   * gives no number (see the README, "Guarantees").
   */
  readonly fencingTokens: Readonly<Record<string, number | undefined>>;
  /** The fencing token of the only key; `undefined` if there are several keys. */
  readonly fencingToken: number | undefined;
  /** Milliseconds until the lease can lapse if it is not renewed (the least of all keys). 0 if the lock is lost, Infinity without a lease. */
  remainingMs(): number;
  /** Throws the reason if the lock is lost, also if the event loop had no time to fire the signal. */
  assertHeld(): void;
}

/** @internal One hold, from the lock's grant to its release. */
export class HeldLock implements Lock {
  readonly keys: readonly string[];
  readonly #native: NativeClient;
  readonly #controller = new AbortController();
  /** Owner and tokens of the hold, once they are read. They are read before the hold ends. */
  #facts: { ownerId: string; tokens: Readonly<Record<string, number | undefined>> } | undefined;
  /** Released keys, while other keys of the same lock are still held. */
  #givenBack: Set<string> | undefined;

  constructor(
    native: NativeClient,
    /** The native id of the hold. It changes when the lock is prolonged. */
    public hold: number,
    keys: string | string[],
    /** The reason of the loss if the lease lapses, and the call that took the lock. */
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

  /** Owner and tokens. The first call reads them from the addon. It comes before the hold ends, so they are known afterwards, too. */
  readFacts(): { ownerId: string; tokens: Readonly<Record<string, number | undefined>> } {
    if (!this.#facts) {
      const { owner = "", keys = [], tokens = [] } = this.#native.holdFacts(this.hold) ?? {};
      const places = new Map(keys.map((key, at) => [key, at]));
      // Keys are UTF-8 in Redis, and UTF-8 has no lone surrogates.
      const entries = this.keys.map((key) => [key, tokens[places.get(key.toWellFormed()) ?? -1]] as const);
      // This object has a prototype, because Medusa calls methods of the objects that a step returns. A key may be called "__proto__", so it is
      // defined, not assigned.
      this.#facts = { ownerId: owner, tokens: Object.freeze(Object.fromEntries(entries)) };
    }
    return this.#facts;
  }

  /** Whether another native hold has the same locks. A lock that was lost and taken anew has higher tokens. */
  isContinuedBy(hold: number): boolean {
    const { tokens } = this.readFacts();
    const other = new HeldLock(this.#native, hold, [...this.keys], this.end).fencingTokens;
    return this.keys.every((key) => tokens[key] === other[key]);
  }

  /** Notes that one of the keys is released. True if no key is left. */
  giveBack(key: string): boolean {
    this.readFacts();
    this.#givenBack ??= new Set();
    this.#givenBack.add(key);
    return this.#givenBack.size === this.keys.length;
  }

  /** Aborts the job's signal with the error of the loss. */
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
