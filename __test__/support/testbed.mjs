// The base of nearly all tests: a private Redis of the version under test, an independent observer of its contents, and Medusa's Locking Module
// on it.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TESTING_OFFICIAL } from "../../harness/installed.mjs";
import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";
import { connect } from "../../harness/resp-client.mjs";
import { NS } from "../../harness/rights.mjs";
import { TOPOLOGIES, TOPOLOGY } from "../../harness/topologies.mjs";

export { NS };

/** The server version under test. */
export const SERVER = process.env.MLR_SERVER || "7.0";

/** How long a test may wait for something that should come at once. This is only a guard against hanging. An emulated machine is slower. */
export const HANG_GUARD_MS = 30_000 * Number(process.env.MLR_SLOWNESS || 1);

/**
 * Options of tests about behaviour that the official provider does not have, or has otherwise. `PROVIDER=official` runs all other tests against
 * that provider. This shows that they describe that package and not our idea of it.
 */
export const OURS_ONLY = { skip: TESTING_OFFICIAL && "differs in the official provider" };

/**
 * Registers hooks of node:test for this file. A server starts before the first test, it is emptied before each test, and everything is closed at
 * the end.
 *
 * @param {object} [options]
 * @param {string[]} [options.args] more arguments for the server
 * @param {string} [options.password] the password with which the observer logs in
 * @returns {Testbed}
 */
export function openTestbed({ args = [], password } = {}) {
  const bed = new Testbed();
  before(async () => {
    bed.topology = await TOPOLOGIES[TOPOLOGY]({ version: SERVER, args });
    bed.server = bed.topology.server;
    bed.observer = await (bed.topology.observe?.() ?? connect({ port: bed.server.port, password }));
  });
  beforeEach(() => bed.observer.command("FLUSHALL"));
  afterEach(() => bed.closeBoots());
  after(async () => {
    bed.observer?.close();
    await bed.topology?.stop();
  });
  return bed;
}

class Testbed {
  #boots = [];
  topology;
  server;
  observer;

  /** The provider's `redisUrl` for the topology under test. It is enough alone, unless the topology also needs `redisOptions`. */
  get url() {
    return this.topology.redisUrl;
  }

  /**
   * The provider's options for the topology under test, together with `more`. If `more` has a `redisUrl`, nothing else is added. In a cluster,
   * this URL becomes the start node.
   *
   * @param {object} [more]
   */
  options(more = {}) {
    const { redisUrl, redisOptions, cluster } = this.topology;
    if ("redisUrl" in more) {
      const { redisUrl: node, ...others } = more;
      return cluster && typeof node === "string" ? { cluster: { startupNodes: [node] }, ...others } : more;
    }
    const all = { ...redisOptions, ...more.redisOptions };
    const where = cluster ? { cluster } : { redisUrl };
    return { ...where, ...more, ...(Object.keys(all).length > 0 ? { redisOptions: all } : {}) };
  }

  /** Sends a command over the observer's own connection. */
  command(...args) {
    return this.observer.command(...args);
  }

  /**
   * Boots the Locking Module with one provider on this server.
   *
   * @param {object} [options] the provider's options besides `redisUrl`
   * @param {object} [entry] as for `providerEntry`
   * @returns {ReturnType<typeof bootLocking>}
   */
  boot(options = {}, entry = {}) {
    return this.bootWith({ providers: [providerEntry(this.options(options), entry)] });
  }

  /** Boots with this configuration, see `bootLocking`. The module is shut down after the test. */
  async bootWith(config) {
    const booted = await bootLocking(config);
    this.#boots.push(booted);
    return booted;
  }

  async closeBoots() {
    for (const booted of this.#boots.splice(0)) await booted.shutdown();
  }

  /** @returns {Promise<string | null>} owner of the lock with this full name */
  owner(name) {
    return this.command("GET", name);
  }

  /** @returns {Promise<number>} milliseconds left of the key with this full name; -1: no limit, -2: no such key */
  pttl(name) {
    return this.command("PTTL", name);
  }

  /**
   * Waits until the lease of the key with this full name was seen to grow `count` times. Five renewals, a third of a lease apart, take longer
   * than a lease.
   */
  async renewals(name, count = 1) {
    let [seen, lastMs] = [0, await this.pttl(name)];
    await until(`${name} is renewed ${count} times`, async () => {
      const leftMs = await this.pttl(name);
      if (leftMs > lastMs) seen += 1;
      lastMs = leftMs;
      return seen >= count;
    });
  }

  /**
   * Everything in the current database, sorted by name.
   *
   * @returns {Promise<{ name: string, value: any, pttl: number }[]>}
   */
  async contents() {
    const names = (await this.command("KEYS", "*")).sort();
    const rows = [];
    for (const name of names) {
      const isQueue = (await this.command("TYPE", name)) === "zset";
      const [value, pttl] = [await this.command(...(isQueue ? ["ZRANGE", name, 0, -1] : ["GET", name])), await this.pttl(name)];
      // The key may have expired since KEYS.
      if (value !== null) rows.push({ name, value, pttl });
    }
    return rows;
  }

  /** Like `contents`, without side keys. */
  async locks() {
    return (await this.contents()).filter((row) => !row.name.startsWith("mlr!{"));
  }

  /** Names and owners of all locks, as an object. */
  async owners() {
    return Object.fromEntries((await this.locks()).map((row) => [row.name, row.value]));
  }
}

/**
 * Options of a test that has no meaning on one topology.
 *
 * @param {string} topology
 * @param {string} reason
 * @param {object} [more] further options, such as OURS_ONLY
 */
export function exceptOn(topology, reason, more = {}) {
  return TOPOLOGY === topology ? { ...more, skip: reason } : more;
}

/** A promise, and the functions that settle it. */
export function deferred() {
  let resolve;
  let reject;
  const promise = new Promise((...ends) => {
    [resolve, reject] = ends;
  });
  return { promise, resolve, reject };
}

/**
 * Waits until `condition` returns something true, and returns it.
 *
 * @param {string} what for the message if that never happens
 * @param {() => any | Promise<any>} condition
 */
export async function until(what, condition, guardMs = HANG_GUARD_MS) {
  const deadline = Date.now() + guardMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) assert.fail(`waited ${guardMs} ms in vain until ${what}`);
    await sleep(5);
  }
}

/**
 * Asserts that a call is refused with this error.
 *
 * @param {Promise<any>} promise
 * @param {object} expected
 * @param {string | RegExp} [expected.message]
 * @param {string} [expected.type] MedusaError's type
 * @param {string} [expected.code]
 * @returns {Promise<Error>} the error
 */
export async function refused(promise, { message, type, code }) {
  let error;
  try {
    await promise;
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error, `should have been refused with ${code ?? message ?? type}`);
  assert.ok(error instanceof Error, `rejected with something that is no Error: ${String(error)}`);
  if (message instanceof RegExp) assert.match(error.message, message);
  else if (message !== undefined) assert.equal(error.message, message);
  if (type !== undefined) {
    assert.equal(error.__isMedusaError, true, `not a MedusaError: ${error.stack}`);
    assert.equal(error.type, type, error.stack);
  }
  if (code !== undefined) assert.equal(error.code, code, error.stack);
  return error;
}

/** @returns {Promise<boolean>} whether the promise is still pending after everything that was ready has run */
export async function isPending(promise, ms = 30) {
  const mark = Symbol("pending");
  return (await Promise.race([promise.catch(() => {}), sleep(ms, mark)])) === mark;
}

/** Blocks this thread: no timer fires, no promise settles. */
export function block(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * Holds a key in the instance by `execute`.
 *
 * @returns {Promise<() => Promise<void>>} a function that ends the job, and resolves when the lock is given back
 */
export async function hold({ locking }, key) {
  const [held, end] = [deferred(), deferred()];
  const job = locking.execute(key, () => {
    held.resolve();
    return end.promise;
  });
  await held.promise;
  return () => {
    end.resolve();
    return job;
  };
}
