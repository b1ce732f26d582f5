import { guarded, type Log, textOf } from "../client/guard";

/** The most kinds. Further kinds are called `other`, because each kind is a time series in the store of the metrics. */
const MOST_KINDS = 64;
/** Longest kind, in characters. */
const LONGEST_KIND = 40;
const OTHER = "other";

/** The user's function that returns the kind of a key. */
export type KeyKind = (key: string) => string;

/** @internal The kinds of keys, for attributes of metrics: `cart` is the kind of `cart_01J…`. */
export class Kinds {
  readonly #known = new Set<string>();
  readonly #keyKind: KeyKind | undefined;
  readonly #log: Log;
  #failureTold = false;

  constructor(keyKind: KeyKind | undefined, log: Log) {
    this.#keyKind = keyKind;
    this.#log = log;
  }

  /** The kind of a call's keys is the kind of its first key. */
  of(keys: string | readonly string[]): string {
    const key = typeof keys === "string" ? keys : keys[0];
    const kind = (key === undefined ? "" : this.#named(key)).slice(0, LONGEST_KIND);
    if (this.#known.has(kind)) {
      return kind;
    }
    if (kind === "" || this.#known.size >= MOST_KINDS) {
      return OTHER;
    }
    this.#known.add(kind);
    return kind;
  }

  #named(key: string): string {
    const ask = this.#keyKind;
    if (!ask) {
      return key.slice(0, lengthOfKind(key));
    }
    const kind: unknown = guarded(
      () => ask(key),
      (error) => this.#fails(textOf(error)),
    );
    if (typeof kind === "string") {
      return kind;
    }
    this.#fails("it returned no string");
    return "";
  }

  #fails(why: string): void {
    if (!this.#failureTold) {
      this.#failureTold = true;
      this.#log.warn(`Option "keyKind" failed (${why}); such keys are of the kind "${OTHER}".`);
    }
  }
}

/** The length up to the first `_`, `:` or `-`, but not more than the longest kind. */
function lengthOfKind(key: string): number {
  for (let at = 0; at < Math.min(key.length, LONGEST_KIND); at += 1) {
    const code = key.charCodeAt(at);
    if (code === 0x5f || code === 0x3a || code === 0x2d) {
      return at;
    }
  }
  return LONGEST_KIND;
}
