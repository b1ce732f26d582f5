import type { AsyncLocalStorage } from "node:async_hooks";
import { type LockError, lockError } from "./errors";
import { listOf, quoted, seconds } from "./words";

/** @internal A job that holds keys, and the job around it, during which it was asked for. */
export interface Link {
  readonly keys: readonly string[];
  readonly label: string | undefined;
  readonly since: number;
  /** The nearest job around this one that had not ended at the last check. */
  outer: Link | undefined;
  /** False after the end of the job. Work that the job started may go on after that. */
  holds: boolean;
}

/** @internal Knows in which jobs a call is made, so that a call that can only wait for itself is refused (option `detectSelfDeadlock`). */
export class Chains {
  readonly #storage: AsyncLocalStorage<Link>;

  constructor() {
    const { AsyncLocalStorage } = require("node:async_hooks") as typeof import("node:async_hooks");
    this.#storage = new AsyncLocalStorage();
  }

  /** The error for a call that asks for these keys here, if a job around it holds one of them. */
  conflict(keys: string | string[], label: string | undefined): LockError | undefined {
    for (const link of this.#around()) {
      const taken = link.keys.filter((key) => key === keys || (typeof keys === "object" && keys.includes(key)));
      if (taken.length > 0) {
        return this.#error(taken, keys, label);
      }
    }
    return undefined;
  }

  /** A link for a job that holds the keys and is started by the current code. It counts until `holds` is false. */
  link(keys: string | string[], label: string | undefined): Link {
    const named = typeof keys === "string" ? [keys] : keys;
    return { keys: named, label, since: performance.now(), outer: holding(this.#storage.getStore()), holds: true };
  }

  /** Runs the job. */
  run<T>(link: Link, job: () => T): T {
    return this.#storage.run(link, job);
  }

  /** The jobs around the current code, the innermost first. */
  *#around(): Generator<Link> {
    for (let link = holding(this.#storage.getStore()); link; link = link.outer) {
      // Ended jobs are skipped here. Otherwise a job that starts its own successor would keep a chain of all jobs before it.
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
