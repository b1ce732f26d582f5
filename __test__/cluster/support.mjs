// What the tests on a cluster share: its servers, an observer that asks the right node, and Medusa's Locking Module on it.

import { after, afterEach, before, beforeEach } from "node:test";
import { startCluster } from "../../scripts/lib/clusters.mjs";
import { bootLocking, providerEntry } from "../support/locking-module.mjs";
import { NS } from "../support/testbed.mjs";

/**
 * Registers hooks of node:test for this file: a cluster before the first test, emptied before each, everything closed afterwards.
 *
 * @param {object} [options] as for `startCluster`
 */
export function openClusterBed(options = {}) {
  const bed = new ClusterBed();
  before(async () => {
    bed.cluster = await startCluster(options);
  });
  beforeEach(() => bed.cluster.empty());
  afterEach(() => bed.closeBoots());
  after(() => bed.cluster?.stop());
  return bed;
}

class ClusterBed {
  #boots = [];
  cluster;

  /** Boots with the provider's `cluster` option, which knows one node unless said otherwise. */
  async boot({ cluster = {}, ...options } = {}) {
    const startNodes = this.cluster.startupNodes.slice(0, 1);
    const entry = providerEntry({ cluster: { startupNodes: startNodes, ...cluster }, ...options });
    const booted = await bootLocking({ providers: [entry] });
    this.#boots.push(booted);
    return booted;
  }

  async closeBoots() {
    for (const booted of this.#boots.splice(0)) await booted.shutdown();
  }

  /** @returns {Promise<string | null>} owner of a lock of the default namespace */
  owner(key) {
    return this.cluster.cli("GET", `${NS}${key}`);
  }

  /** @returns {Promise<string[]>} names of all locks on all masters, sorted */
  async locks() {
    return (await this.cluster.keys()).filter((name) => !name.startsWith("mlr!{")).sort();
  }
}

/**
 * Callers that take locks until told to stop, and note whatever goes wrong.
 *
 * @param {object[]} boots the instances that they share
 * @param {object} options
 * @param {string[]} options.keys each job takes one of them
 * @param {number} options.callers
 * @param {number} [options.jobMs] default 3
 */
export function startLoad(boots, { keys, callers, jobMs = 3 }) {
  const inside = new Map(keys.map((key) => [key, 0]));
  const load = { overlaps: 0, jobs: 0, failures: [], tokens: new Map(), reversed: 0 };
  const end = Date.now() + 60_000;
  let stopped = false;
  const caller = async (number) => {
    while (!stopped && Date.now() < end) {
      const key = keys[Math.floor(Math.random() * keys.length)];
      const job = async (_, lock) => {
        inside.set(key, inside.get(key) + 1);
        if (inside.get(key) > 1) load.overlaps += 1;
        const [token] = Object.values(lock.fencingTokens);
        if (token <= (load.tokens.get(key) ?? 0)) load.reversed += 1;
        load.tokens.set(key, token);
        await new Promise((resolve) => setTimeout(resolve, jobMs));
        inside.set(key, inside.get(key) - 1);
        load.jobs += 1;
      };
      await boots[number % boots.length].locking.execute(key, job, { timeout: 30 }).catch((error) => load.failures.push(error));
    }
  };
  const all = Promise.all(Array.from({ length: callers }, (_, number) => caller(number)));
  load.stop = () => {
    stopped = true;
    return all;
  };
  return load;
}
