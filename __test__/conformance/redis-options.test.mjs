// The effects of ioredis' options once the addon has them. The values that they accept are tested in ../options.

import assert from "node:assert/strict";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { freePort } from "../../harness/redis-servers.mjs";
import { UNIX_SOCKETS } from "../../harness/system.mjs";
import { exceptOn, NS, OURS_ONLY, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

/** Listens at `where`. Passes everything that arrives there to the server, and the answers back. */
async function relay(...where) {
  const server = net.createServer((socket) => {
    const other = net.connect(bed.server.port, "127.0.0.1");
    socket.pipe(other).pipe(socket);
    socket.on("error", () => other.destroy());
    other.on("error", () => socket.destroy());
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(...where, resolve));
  return server;
}

/** Boots with these options, takes a lock and looks for it. */
async function takesALock(options) {
  const { locking } = await bed.boot(options);
  await locking.acquire("k", { ownerId: "me" });
  assert.equal(await bed.owner(`${NS}k`), "me");
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
}

const SOCKETS = exceptOn("cluster", "nodes of a cluster have a host and a port", UNIX_SOCKETS);

test("a Unix socket is named by redisUrl or by redisOptions, which counts more than a host", SOCKETS, async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-"));
  const socket = path.join(folder, "redis.sock");
  const server = await relay(socket);
  try {
    await takesALock({ redisUrl: socket });
    await takesALock({ redisUrl: `unix://${socket}` });
    await takesALock({ redisUrl: "redis://127.0.0.1:1", redisOptions: { path: socket } });
    await bed.closeBoots();
  } finally {
    server.close();
    fs.rmSync(folder, { recursive: true });
  }
});

test("connectionName is the connection's name at the server", exceptOn("proxy", "it knows no CLIENT"), async () => {
  await bed.boot({ redisOptions: { connectionName: "shop-locks" } });
  assert.match(await bed.command("CLIENT", "LIST"), / name=shop-locks /);
});

test("with protocol 2 the connection speaks RESP2, else RESP3", exceptOn("proxy", "it knows no HELLO", OURS_ONLY), async () => {
  await takesALock({ redisOptions: { protocol: 2, connectionName: "two" } });
  await takesALock({ redisOptions: { connectionName: "three" } });
  const spokenBy = async (name) => {
    const lines = (await bed.command("CLIENT", "LIST")).split("\n").filter((line) => line.includes(` name=${name} `));
    return lines.map((line) => / resp=(\d)/.exec(line)?.[1]);
  };
  // Redis 6.2 does not tell the protocol. Both protocols worked above.
  if ((await spokenBy("two")).includes(undefined)) return;
  assert.deepEqual([...new Set(await spokenBy("two"))], ["2"]);
  // Other connections of the provider may not have chosen their protocol yet.
  assert.ok((await spokenBy("three")).includes("3"));
});

const ASKED = exceptOn("cluster", "there clusterRetryStrategy is asked, see ../cluster");

test("retryStrategy is asked before each reconnect, and what it says is done", ASKED, async () => {
  const port = await freePort();
  const asked = [];
  let tell;
  const enough = new Promise((resolve) => {
    tell = resolve;
  });
  const retryStrategy = (times) => {
    asked.push(times);
    if (times === 3) tell();
    return 20;
  };
  const { locking } = await bed.boot({ redisUrl: `redis://127.0.0.1:${port}`, redisOptions: { retryStrategy } });
  await enough;
  assert.deepEqual(asked.slice(0, 3), [1, 2, 3]);
  const server = await relay(port, "127.0.0.1");
  try {
    await locking.acquire("k", { ownerId: "me" });
    assert.equal(await bed.owner(`${NS}k`), "me");
    await bed.closeBoots();
  } finally {
    server.close();
  }
});

test("calls fail after as many reconnects as maxRetriesPerRequest says, and take nothing later", async () => {
  const port = await freePort();
  const redisOptions = { maxRetriesPerRequest: 2, retryStrategy: () => 20 };
  const { locking } = await bed.boot({ redisUrl: `redis://127.0.0.1:${port}`, redisOptions });
  await assert.rejects(locking.acquire("k", { ownerId: "me" }), (error) => {
    assert.equal(error.name, "MaxRetriesPerRequestError");
    assert.match(error.message, /^Reached the max retries per request limit \(which is 2\)\./);
    return true;
  });
  const server = await relay(port, "127.0.0.1");
  try {
    await bed.closeBoots();
    assert.deepEqual(await bed.locks(), []);
  } finally {
    server.close();
  }
});
