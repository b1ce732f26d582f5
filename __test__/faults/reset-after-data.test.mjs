// A connection is reset while the event loop is busy, with unread data on it. libuv stops watching the connection once it has reported the
// failure. If the client then reads only this data, it never learns of the failure.

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startFaultProxy } from "../../harness/fault-proxy.mjs";
import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";
import { startServer } from "../../harness/redis-servers.mjs";
import { messageOf } from "../support/children.mjs";
import { until } from "../support/testbed.mjs";

const [DELAY_MS, BUSY_MS] = [300, 1_000];

/**
 * Runs the proxy in a process of its own, which works while the other process is busy. It reports when a script call has come. A message to a
 * channel takes the place of the call's answer.
 */
async function beProxy() {
  const proxy = await startFaultProxy({ targetPort: Number(process.argv[3]) });
  process.on("message", async () => {
    proxy.delayReplies(DELAY_MS);
    const match = ([name]) => /^eval/i.test(name) && process.send("asked");
    await proxy.rewriteReply({ match, reply: Buffer.from(">3\r\n+message\r\n+other\r\n+nothing\r\n") });
    setTimeout(() => proxy.cutAll({ reset: true }), 50);
  });
  process.send(proxy.port);
}

if (process.argv[2] === "proxy") await beProxy();
else {
  test("a waiter is served over a new connection at once, not when the silence is noticed", async () => {
    const server = await startServer();
    const child = fork(fileURLToPath(import.meta.url), ["proxy", String(server.port)]);
    const port = await messageOf(child);
    const boots = [];
    after(async () => {
      for (const booted of boots) await booted.shutdown();
      child.kill();
      await server.stop();
    });
    for (const redisUrl of [server.url, `redis://127.0.0.1:${port}`]) {
      boots.push(await bootLocking({ providers: [providerEntry({ redisUrl })] }));
    }
    const [{ locking: direct }, { locking: proxied }] = boots;
    await direct.acquire("k", { ownerId: "first", expire: 60 });
    // The limit is less than the fifteen seconds after which a silent connection is given up.
    const waiting = proxied.execute("k", async () => "done", { timeout: 8 });
    await until("it waits", async () => (await server.cli("KEYS", "mlr!*w:*")).length > 0);
    child.send("arm");
    await messageOf(child);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS);
    await direct.release("k", { ownerId: "first" });
    assert.equal(await waiting, "done");
  });
}
