// On a system without Redis, a process on another system starts the servers of the tests: harness/server-bridge.mjs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { run } from "../../harness/process.mjs";
import { startServer } from "../../harness/redis-servers.mjs";
import { connect } from "../../harness/resp-client.mjs";
import { startBridge } from "../../harness/server-bridge.mjs";

const SERVERS = new URL("../../harness/redis-servers.mjs", import.meta.url).href;
const LIMIT_MS = 30_000;

let bridge;
before(async () => {
  bridge = await startBridge(startServer);
});
after(() => bridge.stop());

/** Runs a program whose servers come over the bridge, and parses its output. */
async function program(body) {
  const code = `import { startServer } from ${JSON.stringify(SERVERS)};\n${body}`;
  const env = { MLR_SERVER_BRIDGE: bridge.url };
  const { stdout, tail } = await run(process.execPath, ["--input-type=module", "-e", code], { env, timeoutMs: LIMIT_MS });
  assert.notEqual(stdout, "", tail);
  return JSON.parse(stdout);
}

test("a server over the bridge answers, restarts empty on its port, and is gone when it is stopped", async () => {
  const { port, values } = await program(`
    const server = await startServer({ args: ["--requirepass", "p"] });
    await server.cli("SET", "k", "v");
    const values = [await server.cli("GET", "k")];
    const { port } = server;
    await server.restart();
    values.push(await server.cli("GET", "k"), server.port === port);
    await server.stop();
    console.log(JSON.stringify({ port, values }));
  `);
  assert.deepEqual(values, ["v", null, true]);
  await assert.rejects(connect({ port }));
});

test("an error of the bridge's side has its name and message on the other", async () => {
  const told = await program(`
    const server = await startServer();
    const error = await startServer({ port: server.port }).catch((error) => error);
    await server.stop();
    console.log(JSON.stringify({ told: [error.name, error.message === "port " + server.port + " is in use"] }));
  `);
  assert.deepEqual(told, { told: ["UserError", true] });
});

test("a server that nobody stopped ends with the bridge", async () => {
  const own = await startBridge(startServer);
  const code = `import { startServer } from ${JSON.stringify(SERVERS)}; console.log((await startServer()).port);`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], {
    env: { MLR_SERVER_BRIDGE: own.url },
    timeoutMs: LIMIT_MS,
  });
  const port = Number(stdout);
  (await connect({ port })).close();
  await own.stop();
  await assert.rejects(connect({ port }));
});
