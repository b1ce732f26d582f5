// Redis servers for tests on a system that has none, such as another root. A process on this machine's own system starts the servers.
// `MLR_SERVER_BRIDGE` is its address for the tests.

import { once } from "node:events";
import http from "node:http";
import { text } from "node:stream/consumers";

/** The address of the bridge, if a bridge starts the servers. */
export const BRIDGE = process.env.MLR_SERVER_BRIDGE;

/**
 * Asks the bridge.
 *
 * @param {object} order one of the orders of `startBridge`
 * @returns {Promise<any>}
 */
export async function askBridge(order) {
  const request = http.request(BRIDGE, { method: "POST", agent: false });
  request.end(JSON.stringify(order));
  const [response] = await once(request, "response");
  const { answer, error } = JSON.parse(await text(response));
  if (error) throw Object.assign(new Error(error.message), error);
  return answer;
}

/**
 * Starts servers for others.
 *
 * @param {(options: object) => Promise<{ port: number }>} startServer
 * @returns {Promise<{ url: string, stop(): Promise<void> }>} `stop` ends all servers that are still running
 */
export async function startBridge(startServer) {
  const servers = new Map();
  const orders = {
    async start({ options }) {
      const server = await startServer(options);
      servers.set(server.port, server);
      return { port: server.port };
    },
    kill: ({ port, signal }) => servers.get(port)?.kill(signal),
    restart: ({ port }) => servers.get(port)?.restart(),
    async stop({ port }) {
      await servers.get(port)?.stop();
      servers.delete(port);
    },
  };
  const bridge = http.createServer(async (request, response) => {
    try {
      const order = JSON.parse(await text(request));
      response.end(JSON.stringify({ answer: await orders[order.order](order) }));
    } catch (error) {
      response.end(JSON.stringify({ error: { name: error.name, message: error.message, portInUse: error.portInUse } }));
    }
  });
  bridge.listen(0, "127.0.0.1");
  await once(bridge, "listening");
  return {
    url: `http://127.0.0.1:${bridge.address().port}/`,
    async stop() {
      bridge.close();
      await Promise.all([...servers.values()].map((server) => server.stop()));
    },
  };
}
