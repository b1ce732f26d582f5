// A server behind one address that keeps the rules of a cluster: a command may name keys of one slot only. Hosting companies offer such servers.

import { setTimeout as sleep } from "node:timers/promises";
import { startFaultProxy } from "../../harness/fault-proxy.mjs";
import { startServer } from "../../harness/redis-servers.mjs";
import { connect } from "../../harness/resp-client.mjs";

const SLOTS = 16_384;
/** The most looks at the node's state. A node reports within one or two seconds that it is ready. */
const LOOKS = 500;

/** The texts that reveal a cluster, and their replacements. Both have the same length, so that nothing else of the reply changes. */
const TRACES = [
  ["cluster_enabled:1", "cluster_enabled:0"],
  ["redis_mode:cluster", "redis_mode:standal"],
  ["$7\r\ncluster\r\n", "$7\r\nstandal\r\n"],
];

function withoutTraces(reply) {
  const text = TRACES.reduce((all, [trace, other]) => all.replaceAll(trace, other), reply.toString("latin1"));
  return Buffer.from(text, "latin1");
}

/**
 * Starts a node that has all slots.
 *
 * @param {object} options
 * @param {boolean} options.hidden whether a proxy in front hides that the server is a node of a cluster
 * @param {string} [options.version] the version of the server
 * @returns {Promise<{ url: string, command(...args: any[]): Promise<any>, stop(): Promise<void> }>} `command` asks the node itself
 */
export async function startOneAddress({ hidden, version }) {
  const server = await startServer({ version, args: ["--cluster-enabled", "yes"] });
  const observer = await connect({ port: server.port });
  await observer.command("CLUSTER", "ADDSLOTS", ...Array.from({ length: SLOTS }, (_, slot) => String(slot)));
  for (let look = 0; !/cluster_state:ok/.test(await observer.command("CLUSTER", "INFO")); look += 1) {
    if (look > LOOKS) throw new Error("the node does not become ready");
    await sleep(20);
  }
  const proxy = hidden ? await startFaultProxy({ targetPort: server.port }) : undefined;
  proxy?.rewriteReplies(withoutTraces);
  return {
    url: proxy ? `redis://127.0.0.1:${proxy.port}` : server.url,
    command: (...args) => observer.command(...args),
    async stop() {
      observer.close();
      await proxy?.stop();
      await server.stop();
    },
  };
}
