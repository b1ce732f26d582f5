// The cases in which a connection or a call is given up, and their consequences: ioredis' options, through a proxy that breaks things.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startFaultProxy } from "../../harness/fault-proxy.mjs";
import { freePort, startServer } from "../../harness/redis-servers.mjs";
import { NS, OURS_ONLY, openTestbed, refused, SERVER, until } from "../support/testbed.mjs";

const bed = openTestbed();
let proxy;

beforeEach(async () => {
  proxy = await startFaultProxy({ targetPort: bed.server.port });
});
// This hook is registered after the testbed's own, so the provider is shut down by now.
afterEach(() => proxy.stop());

/** Boots behind the proxy. */
function boot(redisOptions, options = {}) {
  return bed.boot({ redisUrl: `redis://127.0.0.1:${proxy.port}`, redisOptions, ...options });
}

/** Boots on a port where nobody listens. */
async function bootNowhere(redisOptions) {
  return bed.boot({ redisUrl: `redis://127.0.0.1:${await freePort()}`, redisOptions });
}

const CLOSED = { code: "REDIS_UNREACHABLE", message: "Connection is closed." };
const OUT_OF_MEMORY = Buffer.from("-OOM command not allowed when used memory > 'maxmemory'.\r\n");

/** Asserts that every call fails at once, for good. */
async function isOver(locking) {
  const error = await refused(locking.acquire("k", { ownerId: "me" }), CLOSED);
  assert.match(String(error.cause), /ECONN|closed the connection/);
  await refused(locking.release("k", { ownerId: "me" }), CLOSED);
  await refused(
    locking.execute("k", () => assert.fail("ran"), { timeout: 20 }),
    CLOSED,
  );
}

test("with retryStrategy null there is no second connection", OURS_ONLY, async () => {
  const { locking } = await bootNowhere({ retryStrategy: null });
  await isOver(locking);
});

test("a retryStrategy that returns no number ends all attempts, as one that throws does", OURS_ONLY, async () => {
  for (const retryStrategy of [
    (times) => (times < 3 ? 10 : null),
    () => "soon",
    () => {
      throw new Error("on purpose");
    },
  ]) {
    const { locking } = await bootNowhere({ retryStrategy });
    await isOver(locking);
  }
});

test("a connection that breaks is the last one, and what waits and a job's release are told", OURS_ONLY, async () => {
  const booted = await boot({ retryStrategy: () => undefined });
  const { locking } = booted;
  await bed.command("SET", `${NS}held`, "another");
  const waiting = refused(
    locking.execute("held", () => assert.fail("ran"), { timeout: 20 }),
    CLOSED,
  );
  const result = await locking.execute("k", async () => {
    proxy.cutAll();
    await waiting;
    return "done";
  });
  assert.equal(result, "done");
  assert.match(booted.logText, /A lock could not be released at once/);
  await isOver(locking);
});

test("without an offline queue calls fail while there is no connection", OURS_ONLY, async () => {
  const booted = await boot({ enableOfflineQueue: false });
  const { locking } = booted;
  await locking.execute("k", async () => {});
  await proxy.refuseConnections();
  proxy.cutAll();
  // A call that is sent before the loss is noticed would be repeated.
  await until("the loss is told", () => booted.logText.includes("The connection to Redis was lost"));
  await refused(locking.acquire("k", { ownerId: "me" }), {
    code: "REDIS_UNREACHABLE",
    message: "Stream isn't writeable and enableOfflineQueue options is false",
  });
  await proxy.acceptConnections();
  await until("locks work again", () => locking.execute("l", async () => true).catch(() => false));
});

test("without resending, an acquire whose answer was lost fails and takes nothing", OURS_ONLY, async () => {
  const { locking } = await boot({ autoResendUnfulfilledCommands: false });
  const cut = proxy.cutAfterForward({ match: `${NS}k` });
  const error = await refused(locking.acquire("k", { ownerId: "me" }), { code: "REDIS_UNREACHABLE" });
  assert.match(error.message, /autoResendUnfulfilledCommands/);
  await cut;
  await until("what was taken is given back", async () => (await bed.owner(`${NS}k`)) === null);
});

test("a command that takes longer than commandTimeout fails, and takes no lock later", OURS_ONLY, async () => {
  const { locking } = await boot({ commandTimeout: 200 });
  // After this call the server knows the script by its hash.
  await locking.acquire("k", { ownerId: "before" });
  await locking.release("k", { ownerId: "before" });
  proxy.pauseReplies();
  const timedOut = { code: "REDIS_TIMEOUT", message: "Command timed out", type: "locking_error" };
  await refused(locking.acquire("k", { ownerId: "me" }), timedOut);
  await refused(
    locking.execute("l", () => assert.fail("ran"), { timeout: 20 }),
    timedOut,
  );
  await until("the server has executed it", async () => (await bed.owner(`${NS}k`)) === "me");
  proxy.resumeReplies();
  await until("what was taken is given back", async () => (await bed.locks()).length === 0);
});

test("waiting in the queue for longer than commandTimeout is no command", OURS_ONLY, async () => {
  const { locking } = await boot({ commandTimeout: 300 });
  await locking.acquire("k", { ownerId: "me" });
  const waiting = locking.execute("k", async () => "done", { timeout: 20 });
  await sleep(1_200);
  await locking.release("k", { ownerId: "me" });
  assert.equal(await waiting, "done");
});

test("a connection that is silent for longer than socketTimeout is made anew", OURS_ONLY, async () => {
  const booted = await boot({ socketTimeout: 300 });
  await booted.locking.execute("k", async () => {});
  proxy.pauseReplies();
  const call = booted.locking.execute("k", async () => "done", { timeout: 25 });
  await until("it is told", () => booted.logText.includes("Socket timeout. Expecting data, but didn't receive any in 300ms."));
  proxy.resumeReplies();
  assert.equal(await call, "done");
});

test("reconnectOnError: false leaves the error to its call", OURS_ONLY, async () => {
  const asked = [];
  const { locking } = await boot({ reconnectOnError: (error) => void asked.push(error) });
  const sent = proxy.rewriteReply({ match: `${NS}k`, reply: OUT_OF_MEMORY });
  const error = await refused(locking.acquire("k", { ownerId: "me" }), { code: "REDIS_REFUSED" });
  await sent;
  assert.match(error.message, /OOM command not allowed/);
  assert.equal(asked.length, 1);
  assert.match(asked[0].message, /^OOM /);
});

test("reconnectOnError: true fails the call and connects anew", OURS_ONLY, async () => {
  const booted = await boot({ reconnectOnError: (error) => error.message.startsWith("OOM") });
  proxy.rewriteReply({ match: `${NS}k`, reply: OUT_OF_MEMORY });
  const other = booted.locking.execute("l", () => sleep(10, "done"));
  await refused(booted.locking.acquire("k", { ownerId: "me" }), { code: "REDIS_REFUSED" });
  await until("it is told", () => booted.logText.includes("(reconnectOnError: OOM"));
  assert.equal(await other, "done");
  assert.equal(await booted.locking.execute("k", async () => "done"), "done");
});

test("reconnectOnError: 2 connects anew and asks again", OURS_ONLY, async () => {
  const { locking } = await boot({ reconnectOnError: () => 2 });
  const sent = proxy.rewriteReply({ match: `${NS}k`, reply: OUT_OF_MEMORY });
  await locking.acquire("k", { ownerId: "me" });
  await sent;
  assert.equal(await bed.owner(`${NS}k`), "me");
});

test("reconnectOnError: 2 for several errors at once", OURS_ONLY, async () => {
  const { locking } = await boot({ reconnectOnError: () => 2 });
  const keys = Array.from({ length: 20 }, (_, at) => `k${at}`);
  for (const key of keys) proxy.rewriteReply({ match: `${NS}${key}\r`, reply: OUT_OF_MEMORY });
  await Promise.all(keys.map((key) => locking.acquire(key, { ownerId: "me" })));
  assert.equal((await bed.locks()).length, 20);
});

test("a server that has become a replica fails the call, and is left", OURS_ONLY, async () => {
  const booted = await boot();
  await booted.locking.execute("k", async () => {});
  await bed.command("REPLICAOF", "127.0.0.1", "1");
  try {
    const call = async (_, at) => {
      const error = await refused(booted.locking.acquire(`k${at}`, { ownerId: "me" }), { code: "REDIS_REFUSED" });
      assert.match(error.message, /READONLY|read only/);
    };
    // On the thread lane, the provider may leave the connection before the last of many calls is made. This call would wait for the next
    // connection.
    const length = process.env.MEDUSA_LOCKING_LANE === "thread" ? 1 : 100;
    await Promise.all(Array.from({ length }, call));
    assert.match(booted.logText, /The connection to Redis was lost \(.*READONLY/);
  } finally {
    await bed.command("REPLICAOF", "NO", "ONE");
  }
  assert.equal(await booted.locking.execute("k", async () => "done", { timeout: 20 }), "done");
});

test("a server that loads its data is asked again", OURS_ONLY, async () => {
  const { locking } = await boot();
  proxy.rewriteReply({ match: `${NS}k`, reply: Buffer.from("-LOADING Redis is loading the dataset in memory\r\n") });
  await locking.acquire("k", { ownerId: "me" });
  assert.equal(await bed.owner(`${NS}k`), "me");
});

test("a server that may evict locks is warned of once", OURS_ONLY, async () => {
  const server = await startServer({ version: SERVER, args: ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"] });
  try {
    const booted = await bed.boot({ redisUrl: server.url });
    await server.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await booted.locking.execute("k", async () => {}, { timeout: 20 });
    const told = booted.logs.filter(({ text }) => text.includes('its maxmemory-policy is "allkeys-lru"'));
    assert.equal(told.length, 1, booted.logText);
    await bed.closeBoots();
  } finally {
    await server.stop();
  }
});
