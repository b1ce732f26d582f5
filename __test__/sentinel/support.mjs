// What the tests of Sentinels share: a master with replicas and Sentinels, and providers that ask them.

import assert from "node:assert/strict";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startSentinels } from "../../scripts/lib/sentinels.mjs";
import { NS, SERVER } from "../support/testbed.mjs";

/** How the log begins to tell of a boot that did not reach Redis. */
export const FAILED = 'An error occurred while connecting to Redis in provider "locking-redis": ';

/** The URL names nobody: with Sentinels it must not matter. */
export const NOWHERE = "redis://127.0.0.1:1";

/** Starts a group, as `startSentinels`; it ends after this file's last test. */
export async function openGroup(options = {}) {
  const group = await startSentinels({ version: SERVER, ...options });
  after(() => group.stop());
  return group;
}

/** Options of a provider that asks the group. */
export function asking(group, redisOptions = {}) {
  return { redisUrl: NOWHERE, redisOptions: { ...group.options, ...redisOptions } };
}

/** Takes a lock, finds it on the master, and gives it back. */
export async function takesALockOnTheMaster({ locking }, group) {
  await locking.acquire("taken", { ownerId: "me" });
  assert.equal(await (await group.master()).cli("GET", `${NS}taken`), "me");
  assert.equal(await locking.release("taken", { ownerId: "me" }), true);
}

/** Callers that run jobs under one key, again and again, in all of these providers, until `stop` is called. */
export class Load {
  #callers;
  #stopped = false;
  #inside = 0;

  /** Jobs done. */
  jobs = 0;
  /** Calls that failed. */
  errors = [];
  /** Moments at which two jobs ran at once. */
  overlaps = 0;

  constructor(boots, key, { callers = 3, timeout = 60, expire = 60 } = {}) {
    this.#callers = Promise.all(
      boots.flatMap(({ locking }) => Array.from({ length: callers }, () => this.#call(locking, key, { timeout, expire }))),
    );
  }

  async #call(locking, key, args) {
    while (!this.#stopped) {
      await locking.execute(key, () => this.#job(), args).catch((error) => this.errors.push(error));
    }
  }

  async #job() {
    this.#inside += 1;
    if (this.#inside > 1) this.overlaps += 1;
    await sleep(2);
    this.#inside -= 1;
    this.jobs += 1;
  }

  /** Ends the load. */
  async stop() {
    this.#stopped = true;
    await this.#callers;
  }
}
