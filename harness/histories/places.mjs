// The places of a phase's locks: one server, a server with a replica, the masters of a cluster, or servers behind Sentinels.

import { startCluster } from "../clusters.mjs";
import { startServer } from "../redis-servers.mjs";
import { startSentinels } from "../sentinels.mjs";
import { nowMs } from "./random.mjs";
import { startReplicated } from "./replica.mjs";

/** The time for which a replica may be behind when its master is killed. */
const LAG_MS = 100;

/**
 * @typedef {object} Place
 * @property {object} [connection] the provider's options, unless it is one address
 * @property {() => object} server a server; among several servers, one that is alive
 * @property {() => Promise<object[]>} servers all servers that take locks
 * @property {() => Promise<void>} stop
 */

/** Each name has a function that starts the place: () => Promise<Place>. */
export const PLACES = {
  async alone() {
    const server = await startServer();
    return { server: () => server, servers: async () => [server], stop: () => server.stop() };
  },

  async replicated() {
    const replicated = await startReplicated();
    const servers = async () => [replicated.primary()];
    return { server: () => replicated.primary(), servers, replicated, stop: () => replicated.stop() };
  },

  async cluster() {
    const cluster = await startCluster({ nodeTimeoutMs: 1_000 });
    return {
      connection: { cluster: { startupNodes: cluster.startupNodes } },
      server: () => cluster.nodes[0],
      servers: async () => cluster.nodes,
      cluster,
      stop: () => cluster.stop(),
    };
  },

  async sentinels() {
    const sentinels = await startSentinels();
    let master = await sentinels.master();
    let kills = 0;
    return {
      connection: { redisUrl: "redis://127.0.0.1:1", redisOptions: sentinels.options },
      server: () => master,
      servers: async () => [master],
      /** Kills the master, unless no replica would be left. Resolves with the time in which data may have been lost. */
      async killMaster() {
        if (kills === 2) return undefined;
        kills += 1;
        const from = nowMs() - LAG_MS;
        const old = await sentinels.killMaster();
        await sentinels.movedFrom(old);
        master = await sentinels.master();
        return { from, to: nowMs() };
      },
      stop: () => sentinels.stop(),
    };
  },
};
