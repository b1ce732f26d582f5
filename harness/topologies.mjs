// The ways to reach Redis over which the conformance tests run. `MLR_TOPOLOGY` names one. Without it the tests use a private server,
// directly.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { makeCertificates } from "./certificates.mjs";
import { connectToMasters } from "./cluster-observer.mjs";
import { startCluster } from "./clusters.mjs";
import { freePort, startServer } from "./redis-servers.mjs";
import { startRestrictiveProxy } from "./restrictive-proxy.mjs";
import { LEAST } from "./rights.mjs";
import { startSentinels } from "./sentinels.mjs";

/**
 * The parts of a topology that the tests use.
 *
 * @typedef {object} Topology
 * @property {string} [redisUrl] the provider's option
 * @property {object} redisOptions the provider's option
 * @property {object} [cluster] the provider's option
 * @property {{ port: number, url: string, cli(...args: any[]): Promise<any> }} server the server with the data, for observers, who connect
 *   without the options above. Among several servers it is the master, in a cluster the first master
 * @property {() => Promise<{ command(...args: any[]): Promise<any>, close(): void }>} [observe] connects an observer, if an observer must
 *   see more than `server`
 * @property {() => Promise<void>} stop ends everything
 */

/** Each name has a function that starts the topology: (options of `startServer`) => Promise<Topology>. */
export const TOPOLOGIES = {
  direct: async (options) => {
    const server = await startServer(options);
    return { redisUrl: server.url, redisOptions: {}, server, stop: () => server.stop() };
  },

  /** A user who has only the commands and channels that the README requires, but all keys, because the tests use other namespaces, too. */
  acl: async (options) => {
    const server = await startServer(options);
    await server.cli("ACL", "SETUSER", "least", "reset", "on", ">pw", "~*", ...LEAST.filter((right) => !right.startsWith("~")));
    return { redisUrl: `redis://least:pw@127.0.0.1:${server.port}`, redisOptions: {}, server, stop: () => server.stop() };
  },

  /** A proxy that knows very few commands. */
  proxy: async (options) => {
    const server = await startServer(options);
    const refuses = ["HELLO", "SUBSCRIBE", "INFO", "CLIENT", "WAIT", "CONFIG"];
    const proxy = await startRestrictiveProxy({ targetPort: server.port, refuses, forgetsScripts: true });
    const stop = async () => {
      await proxy.stop();
      await server.stop();
    };
    return { redisUrl: `redis://127.0.0.1:${proxy.port}`, redisOptions: {}, server, stop };
  },

  tls: async ({ args = [], ...options }) => {
    const certificates = await makeCertificates();
    const port = await freePort();
    const server = await startServer({ ...options, args: [...certificates.serverArgs(port), ...args] });
    const stop = async () => {
      await server.stop();
      certificates.remove();
    };
    return { redisUrl: `rediss://127.0.0.1:${port}`, redisOptions: { tls: { ca: certificates.pem("ca") } }, server, stop };
  },

  unix: async ({ args = [], ...options }) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-socket-"));
    const socket = path.join(folder, "redis.sock");
    const server = await startServer({ ...options, args: ["--unixsocket", socket, ...args] });
    const stop = async () => {
      await server.stop();
      fs.rmSync(folder, { recursive: true, force: true });
    };
    return { redisUrl: socket, redisOptions: {}, server, stop };
  },

  /** Nobody listens at the URL's address: with Sentinels the URL must not matter. */
  sentinel: async (options) => {
    const group = await startSentinels(options);
    const server = await group.master();
    return { redisUrl: "redis://127.0.0.1:1", redisOptions: group.options, server, stop: () => group.stop() };
  },

  /** Three masters. The provider gets the address of one of them. */
  cluster: async (options) => {
    const cluster = await startCluster({ replicas: 0, ...options });
    const masters = [...cluster.nodes];
    const startupNodes = cluster.startupNodes.slice(0, 1);
    const observe = () => connectToMasters(masters);
    return { redisOptions: {}, cluster: { startupNodes }, server: masters[0], observe, stop: () => cluster.stop() };
  },
};

/** The topology under test. */
export const TOPOLOGY = process.env.MLR_TOPOLOGY || "direct";

if (!(TOPOLOGY in TOPOLOGIES)) throw new Error(`MLR_TOPOLOGY must be one of ${Object.keys(TOPOLOGIES).join(", ")}`);
