// Helpers for the tests on a cluster: its servers, an observer that asks the right node, and Medusa's Locking Module on the cluster.

import { after, afterEach, before, beforeEach } from "node:test";
import { startCluster } from "../../harness/clusters.mjs";
import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";
import { NS } from "../support/testbed.mjs";

/** Keys whose slots are on three different masters, in order of their names. */
export const SPREAD = ["a", "c", "d"];

/**
 * Registers hooks of node:test for this file. A cluster starts before the first test, it is emptied before each test, and everything is closed
 * at the end.
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

  /** Boots with the provider's `cluster` option. The option names one start node unless the caller says otherwise. */
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

  /** Moves the slot of a key to another master; `meanwhile` as for `moveSlot`. */
  async moveAway(key, meanwhile) {
    const slot = await this.cluster.slotOf(`${NS}${key}`);
    const from = await this.cluster.masterOfSlot(slot);
    const to = this.cluster.masters.find((node) => node !== from);
    await this.cluster.moveSlot(slot, to, { meanwhile });
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
