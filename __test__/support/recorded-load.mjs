// Callers that take locks until told to stop. Every hold is recorded, for the checker of the histories.

import { setTimeout as sleep } from "node:timers/promises";
import { checkHolds } from "../../harness/histories/checker.mjs";

/** No load runs longer than this, whatever happens to its test. */
const LONGEST_MS = 90_000;

/** Runs from its construction on. */
export class RecordedLoad {
  #stopped = false;
  #all;
  #end = performance.now() + LONGEST_MS;
  #holds = [];

  /** The number of jobs that have ended. */
  jobs = 0;
  /** The errors of calls. */
  failures = [];

  /**
   * @param {object[]} boots the instances that share the callers
   * @param {object} options
   * @param {string[]} options.keys each job takes one of these keys
   * @param {number} options.callers
   * @param {number} [options.jobMs] default 3
   * @param {number} [options.timeout] in seconds; default 60
   * @param {number} [options.expire] in seconds; default 60
   */
  constructor(boots, { keys, callers, jobMs = 3, timeout = 60, expire = 60 }) {
    const call = async (by) => {
      while (!this.#stopped && performance.now() < this.#end) {
        const key = keys[Math.floor(Math.random() * keys.length)];
        const job = (_, lock) => this.#job(by, key, lock, jobMs);
        await boots[by % boots.length].locking.execute(key, job, { timeout, expire }).catch((error) => this.failures.push(error));
      }
    };
    this.#all = Promise.all(Array.from({ length: callers }, (_, by) => call(by)));
  }

  async #job(by, key, lock, jobMs) {
    lock.assertHeld();
    const from = performance.now();
    const hold = {
      by,
      id: this.#holds.length,
      kind: "execute",
      keys: [key],
      tokens: [lock.fencingTokens[key] ?? null],
      from,
      to: from,
      lost: false,
    };
    this.#holds.push(hold);
    await sleep(jobMs);
    // The hold counts until now only if the lock is still held.
    lock.assertHeld();
    hold.to = performance.now();
    this.jobs += 1;
  }

  /** Ends the load. */
  async stop() {
    this.#stopped = true;
    await this.#all;
  }

  /** The violations that the checker of the histories finds in the holds: two holders of a key, or a token that does not rise. */
  violations() {
    return checkHolds(this.#holds).violations;
  }
}
