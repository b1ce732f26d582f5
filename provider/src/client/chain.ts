import type { AsyncLocalStorage } from "node:async_hooks";
import { type LockError, lockError } from "./errors";
import { listOf, quoted, seconds } from "./words";

/** @internal A job that holds keys, and the job around it in whose course it was asked for. */
export interface Link {
  readonly keys: readonly string[];
  readonly label: string | undefined;
  readonly since: number;
  /** Among those that had not ended when somebody last looked. */
  outer: Link | undefined;
  /** What the job started may go on after its end. */
  holds: boolean;
}

/** @internal Which jobs a call is made in, so that one that can only wait for itself is refused (option `detectSelfDeadlock`). */
export class Chains {
  readonly #storage: AsyncLocalStorage<Link>;

  constructor() {
    const { AsyncLocalStorage } = require("node:async_hooks") as typeof import("node:async_hooks");
    this.#storage = new AsyncLocalStorage();
  }

  /** The error of a call that asks for these keys here, if a job around it holds one of them. */
  conflict(keys: string | string[], label: string | undefined): LockError | undefined {
    for (const link of this.#around()) {
      const taken = link.keys.filter((key) => key === keys || (typeof keys === "object" && keys.includes(key)));
      if (taken.length > 0) {
        return this.#error(taken, keys, label);
      }
    }
    return undefined;
  }

  /** A job that holds the keys, in the course of what runs now. It counts until `holds` is false. */
  link(keys: string | string[], label: string | undefined): Link {
    const named = typeof keys === "string" ? [keys] : keys;
    return { keys: named, label, since: performance.now(), outer: holding(this.#storage.getStore()), holds: true };
  }

  /** Runs the job. */
  run<T>(link: Link, job: () => T): T {
    return this.#storage.run(link, job);
  }

  /** The jobs around what runs now, the innermost first. */
  *#around(): Generator<Link> {
    for (let link = holding(this.#storage.getStore()); link; link = link.outer) {
      // A job that starts its successor would else leave a chain of all that ever ran.
      link.outer = holding(link.outer);
      yield link;
    }
  }

  #error(taken: string[], keys: string | string[], label: string | undefined): LockError {
    const chain: string[] = [];
    for (const link of this.#around()) {
      const name = link.label === undefined ? "a job" : quoted(link.label);
      chain.unshift(`${name} holds ${listOf(link.keys)} for ${seconds(performance.now() - link.since)}`);
    }
    chain.push(`${label === undefined ? "this call" : quoted(label)} asks for ${listOf(typeof keys === "string" ? [keys] : keys)}`);
    return lockError(
      "LOCK_SELF_DEADLOCK",
      `The call can only wait for itself: ${listOf(taken)} ${taken.length === 1 ? "is" : "are"} held by a job in whose course it was made. Take the lock once, in the outermost job.`,
      taken,
      chain.join("; in it "),
    );
  }
}

/** This job, or the first around it that has not ended. */
function holding(link: Link | undefined): Link | undefined {
  let found = link;
  while (found && !found.holds) {
    found = found.outer;
  }
  return found;
}
