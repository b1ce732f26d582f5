// A Redis Cluster for tests and the benchmark: three masters, each with a replica, on free ports.

import { setTimeout as sleep } from "node:timers/promises";
import { freePort, startServer } from "./redis-servers.mjs";

const SLOTS = 16_384;
/** How long the nodes may take to agree. */
const PATIENCE_MS = 30_000;

/**
 * Starts a cluster.
 *
 * @param {object} [options]
 * @param {number} [options.masters] default 3
 * @param {number} [options.replicas] of each master; default 1
 * @param {number} [options.nodeTimeoutMs] the silence after which a node counts as gone; default 1500
 * @param {string} [options.version] of the servers; default 7.0
 * @param {string[]} [options.args] more arguments for every node
 * @param {(port: number) => string[]} [options.tlsArgs] arguments for a server that speaks TLS on this port, beside plain text: the nodes
 *   then speak it among themselves, too, and name these ports; see `tlsPort` of `nodes`. For servers of the system's version
 */
export async function startCluster({ masters = 3, replicas = 1, nodeTimeoutMs = 1_500, version, args = [], tlsArgs } = {}) {
  const cluster = new Cluster();
  const more = [
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    String(nodeTimeoutMs),
    "--cluster-replica-validity-factor",
    "0",
    "--repl-diskless-sync-delay",
    "0",
    "--repl-ping-replica-period",
    "1",
    ...args,
  ];
  try {
    for (let at = 0; at < masters * (1 + replicas); at++) {
      const port = await freePort();
      const tlsPort = tlsArgs && (await freePort());
      const secure = tlsArgs ? ["--tls-cluster", "yes", "--tls-replication", "yes", ...tlsArgs(tlsPort)] : [];
      const node = await startServer({ port, version, args: [...more, ...secure] });
      cluster.nodes.push(Object.assign(node, { tlsPort }));
    }
    await cluster.join(masters);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** The port by which the other nodes know a node. */
const knownPort = ({ tlsPort, port }) => tlsPort ?? port;

/** The master of the slot according to a node, if there is one. */
async function ownerOf(node, slot) {
  const hasSlot = (range) => {
    const [from, to = from] = range.split("-").map(Number);
    return slot >= from && slot <= to;
  };
  for (const line of (await node.cli("CLUSTER", "NODES")).split("\n")) {
    const [id, , flags, , , , epoch, , ...ranges] = line.split(" ");
    if (ranges.some(hasSlot)) return { id, epoch, isMyself: flags.includes("myself") };
  }
}

class Cluster {
  /** All servers that were started, masters first. */
  nodes = [];
  #masters = 0;

  /** The value for the option `startupNodes`. */
  get startupNodes() {
    return this.nodes.map((node) => ({ host: "127.0.0.1", port: knownPort(node) }));
  }

  async join(masters) {
    this.#masters = masters;
    const [first, ...others] = this.nodes;
    // Without this all nodes begin with the same epoch, and change it by themselves until no two are equal. If a node does so while it
    // gives a slot away, it may get the slot back.
    for (let at = 0; at < masters; at++) await this.nodes[at].cli("CLUSTER", "SET-CONFIG-EPOCH", String(at + 1));
    for (const node of others) await node.cli("CLUSTER", "MEET", "127.0.0.1", String(knownPort(first)));
    for (let at = 0; at < masters; at++) {
      const [from, to] = [Math.floor((at * SLOTS) / masters), Math.floor(((at + 1) * SLOTS) / masters)];
      // Redis before 7.0 does not take ranges.
      await this.nodes[at].cli("CLUSTER", "ADDSLOTS", ...Array.from({ length: to - from }, (_, slot) => String(from + slot)));
    }
    const ids = [];
    for (const node of this.nodes.slice(0, masters)) ids.push(await node.cli("CLUSTER", "MYID"));
    for (const [at, node] of this.nodes.slice(masters).entries()) {
      await this.#until(
        "a replica knows its master",
        async () => (await node.cli("CLUSTER", "REPLICATE", ids[at % masters]).catch(String)) === "OK",
      );
    }
    await this.settled();
  }

  /** Resolves when every living node reports that the cluster works, and all replicas are in sync. */
  async settled() {
    await this.#until("the nodes agree", async () => {
      for (const node of this.#living()) {
        if (!(await node.cli("CLUSTER", "INFO")).includes("cluster_state:ok")) return false;
        const info = await node.cli("INFO", "replication");
        if (info.includes("role:slave") && !info.includes("master_link_status:up")) return false;
      }
      return true;
    });
  }

  #living() {
    return this.nodes.filter((node) => !node.killed);
  }

  /** The master of the key's slot: one of `nodes`. */
  async masterOf(key) {
    return await this.masterOfSlot(await this.slotOf(key));
  }

  async masterOfSlot(slot) {
    for (const node of this.#living()) {
      if ((await ownerOf(node, slot))?.isMyself) return node;
    }
    throw new Error(`no living master has slot ${slot}`);
  }

  /** Hash slot of a key. */
  async slotOf(key) {
    return await this.#living()[0].cli("CLUSTER", "KEYSLOT", key);
  }

  /** The masters of the start that are alive. */
  get masters() {
    return this.#living().slice(0, this.#masters);
  }

  /** A living replica of a master. */
  async replicaOf(master) {
    const id = await master.cli("CLUSTER", "MYID");
    const line = (await master.cli("CLUSTER", "NODES")).split("\n").find((entry) => entry.includes(`slave ${id}`));
    const port = Number(/:(\d+)@/.exec(line)?.[1]);
    return this.#living().find((node) => knownPort(node) === port);
  }

  /** All nodes that have slots. */
  async #owners() {
    const owners = [];
    for (const node of this.#living()) if ((await node.cli("ROLE"))[0] === "master") owners.push(node);
    return owners;
  }

  /** Names of all keys. */
  async keys() {
    const names = [];
    for (const node of await this.#owners()) names.push(...(await node.cli("KEYS", "*")));
    return names;
  }

  /** Deletes all keys. */
  async empty() {
    for (const node of await this.#owners()) await node.cli("FLUSHALL");
  }

  /** The number of scripts that clients have run since the servers started. */
  async scripts() {
    let sum = 0;
    for (const node of await this.#owners()) {
      const stats = await node.cli("INFO", "commandstats");
      for (const [, calls] of stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)) sum += Number(calls);
    }
    return sum;
  }

  /** Runs a command at the master of its key. */
  async cli(...args) {
    const node = await this.masterOf(args[1]);
    return await node.cli(...args);
  }

  /** Kills a node with SIGKILL. */
  async kill(node) {
    node.killed = true;
    await node.kill();
  }

  /**
   * Moves a slot from its master to another, key by key, as redis-cli does, until all nodes know. `meanwhile` runs before the first key
   * moves.
   */
  async moveSlot(slot, to, { meanwhile } = {}) {
    const from = await this.masterOfSlot(slot);
    if (from === to) return;
    const [fromId, toId] = [await from.cli("CLUSTER", "MYID"), await to.cli("CLUSTER", "MYID")];
    const text = String(slot);
    await to.cli("CLUSTER", "SETSLOT", text, "IMPORTING", fromId);
    await from.cli("CLUSTER", "SETSLOT", text, "MIGRATING", toId);
    await meanwhile?.();
    for (let round = 0; round < 1_000; round++) {
      const keys = await from.cli("CLUSTER", "GETKEYSINSLOT", text, "100");
      if (keys.length === 0) break;
      await from.cli("MIGRATE", "127.0.0.1", String(knownPort(to)), "", "0", "5000", "KEYS", ...keys);
    }
    // The target comes first, so that the slot always has a master.
    await to.cli("CLUSTER", "SETSLOT", text, "NODE", toId);
    await from.cli("CLUSTER", "SETSLOT", text, "NODE", toId);
    // All nodes must know the new epoch. Otherwise a node that gets the next slot would believe that nobody has a later epoch.
    await this.#until("the nodes know of the move", async () => {
      const { isMyself, epoch } = await ownerOf(to, slot);
      const told = await Promise.all(this.#living().map((node) => ownerOf(node, slot)));
      return isMyself && told.every((owner) => owner?.id === toId && owner.epoch === epoch);
    });
  }

  async #until(what, holds) {
    const end = Date.now() + PATIENCE_MS;
    while (Date.now() < end) {
      if (await holds().catch(() => false)) return;
      await sleep(50);
    }
    throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
  }

  async stop() {
    for (const node of this.nodes.splice(0)) await node.stop().catch(() => {});
  }
}
