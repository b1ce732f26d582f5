// A server with a replica that lags behind it, and the promotion of that replica.

import { once } from "node:events";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { startServer } from "../redis-servers.mjs";
import { nowMs } from "./random.mjs";

/** A connection to the primary that delivers everything late. Data that is on its way when the primary dies is lost. */
async function startLaggingPipe(targetPort, lagMs) {
  const sockets = new Set();
  const pipe = net.createServer((client) => {
    const server = net.connect(targetPort, "127.0.0.1");
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => [client, server].map((end) => end.destroy()));
    }
    client.pipe(server);
    server.on("data", (bytes) => setTimeout(() => client.destroyed || client.write(bytes), lagMs));
  });
  pipe.listen(0, "127.0.0.1");
  await once(pipe, "listening");
  const stop = () => {
    pipe.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: pipe.address().port, stop };
}

/**
 * A primary with a replica.
 *
 * @param {object} [options]
 * @param {number} [options.lagMs] the lag of the replica; default 50
 */
export async function startReplicated({ lagMs = 50 } = {}) {
  let primary = await startServer();
  let replica;
  let pipe;

  async function addReplica() {
    pipe = await startLaggingPipe(primary.port, lagMs);
    replica = await startServer();
    await replica.cli("CONFIG", "SET", "repl-diskless-load", "on-empty-db");
    await replica.cli("REPLICAOF", "127.0.0.1", String(pipe.port));
    for (let look = 0; !/master_link_status:up/.test(await replica.cli("INFO", "replication")); look += 1) {
      if (look > 500) throw new Error("the replica does not come up");
      await sleep(20);
    }
  }

  await primary.cli("CONFIG", "SET", "repl-diskless-sync-delay", "0");
  await addReplica();
  return {
    primary: () => primary,
    /** Kills the primary and promotes the replica. Resolves with the time in which data may have been lost, and the new port. */
    async promote() {
      const from = nowMs() - lagMs;
      pipe.stop();
      const old = primary;
      await old.kill();
      await replica.cli("REPLICAOF", "NO", "ONE");
      const loss = { from, to: nowMs() };
      primary = replica;
      await old.stop();
      await primary.cli("CONFIG", "SET", "repl-diskless-sync-delay", "0");
      return { ...loss, port: primary.port };
    },
    addReplica,
    async stop() {
      pipe.stop();
      await replica.stop();
      await primary.stop();
    },
  };
}
