// The server and the user with which the provider connects, and its log lines about that.

import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { TESTING_OFFICIAL } from "../../harness/installed.mjs";
import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";
import { freePort } from "../../harness/redis-servers.mjs";
import { connect } from "../../harness/resp-client.mjs";
import { exceptOn, NS, OURS_ONLY, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

/** For tests that need databases with a number. */
const DATABASES = exceptOn("cluster", "a cluster has one database");

const ESTABLISHED = 'Connection to Redis in "locking-redis" provider established';
const FAILED = 'An error occurred while connecting to Redis in provider "locking-redis": ';

test("a boot that reaches Redis logs so once", async () => {
  const { logs } = await bed.boot();
  assert.deepEqual(
    logs.filter((line) => line.text === ESTABLISHED),
    [{ level: "info", text: ESTABLISHED }],
  );
});

test("redisUrl names host, port and database", DATABASES, async () => {
  const { locking } = await bed.boot({ redisUrl: `redis://127.0.0.1:${bed.server.port}/3` });
  await locking.acquire("k", { ownerId: "me" });
  assert.deepEqual(await bed.locks(), []);
  const inThree = await connect({ port: bed.server.port, db: 3 });
  try {
    assert.equal(await inThree.command("GET", `${NS}k`), "me");
  } finally {
    inThree.close();
  }
});

test("redisOptions names what redisUrl leaves open, and redisUrl wins where both do", DATABASES, async () => {
  const redisOptions = { port: bed.server.port, db: "2", keyPrefix: "shop:" };
  const { locking } = await bed.boot({ redisUrl: "redis://127.0.0.1", redisOptions });
  await locking.acquire("k", { ownerId: "two" });
  const both = await bed.boot({ redisUrl: `redis://127.0.0.1:${bed.server.port}/4`, redisOptions: { db: 5, port: 1 } });
  await both.locking.acquire("k", { ownerId: "four" });
  for (const [db, name, owner] of [
    [2, `shop:${NS}k`, "two"],
    [4, `${NS}k`, "four"],
  ]) {
    const client = await connect({ port: bed.server.port, db });
    try {
      assert.equal(await client.command("GET", name), owner);
    } finally {
      client.close();
    }
  }
});

test("keyPrefix stands before the namespace in every lock key", async () => {
  const { locking } = await bed.boot({ redisOptions: { keyPrefix: "{shop}ä:" } });
  await locking.acquire("k", { ownerId: "me", expire: 60 });
  assert.deepEqual(await bed.owners(), { [`{shop}ä:${NS}k`]: "me" });
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
  await locking.execute("k", async () => assert.match(await bed.owner(`{shop}ä:${NS}k`), /^execute:/));
  assert.deepEqual(await bed.locks(), []);
});

test("a host name is looked up, an IPv6 address is taken", async () => {
  const named = await bed.boot({ redisUrl: `redis://localhost:${bed.server.port}` });
  await named.locking.acquire("k", { ownerId: "me" });
  assert.equal(await bed.owner(`${NS}k`), "me");

  // The server listens on IPv4 only, so this relay stands for a server on IPv6.
  const relay = net.createServer((socket) => {
    const other = net.connect(bed.server.port, "127.0.0.1");
    socket.pipe(other).pipe(socket);
    socket.on("error", () => other.destroy());
    other.on("error", () => socket.destroy());
  });
  const listening = new Promise((resolve) => relay.listen(0, "::1", () => resolve(true)).once("error", () => resolve(false)));
  if (!(await listening)) return;
  try {
    const six = await bed.boot({ redisUrl: `redis://[::1]:${relay.address().port}` });
    await six.locking.acquire("six", { ownerId: "me" });
    assert.equal(await bed.owner(`${NS}six`), "me");
    await six.shutdown();
  } finally {
    relay.close();
  }
});

test("password and ACL user are taken from the URL or from redisOptions", async () => {
  await bed.command("ACL", "SETUSER", "shop", "on", ">p@ss:/?#w", "~*", "&*", "+@all");
  const logins = [
    { redisUrl: `redis://shop:${encodeURIComponent("p@ss:/?#w")}@127.0.0.1:${bed.server.port}` },
    { redisUrl: bed.server.url, redisOptions: { username: "shop", password: "p@ss:/?#w" } },
  ];
  for (const options of logins) {
    const { locking, logText } = await bed.boot(options);
    await locking.acquire("k", { ownerId: "me" });
    const clients = await bed.command("CLIENT", "LIST");
    assert.match(clients, / user=shop /);
    assert.doesNotMatch(logText, /p@ss/);
    assert.equal(await locking.release("k", { ownerId: "me" }), true);
    await bed.closeBoots();
  }
  await bed.command("ACL", "DELUSER", "shop");
});

test("a boot without Redis logs it and goes on, and locks work once Redis is there", async () => {
  const port = await freePort();
  const { locking, logs, logText } = await bed.boot({ redisUrl: `redis://127.0.0.1:${port}` });
  const errors = logs.filter((line) => line.level === "error");
  assert.equal(errors.length, 1, logText);
  assert.ok(errors[0].text.startsWith(FAILED), errors[0].text);
  const relay = net.createServer((socket) => {
    const other = net.connect(bed.server.port, "127.0.0.1");
    socket.pipe(other).pipe(socket);
    socket.on("error", () => other.destroy());
    other.on("error", () => socket.destroy());
  });
  await new Promise((resolve) => relay.listen(port, "127.0.0.1", resolve));
  try {
    await locking.acquire("k", { ownerId: "me" });
    assert.equal(await bed.owner(`${NS}k`), "me");
    await bed.closeBoots();
  } finally {
    relay.close();
  }
});

test("a wrong password is logged without the password, and the boot goes on", OURS_ONLY, async () => {
  await bed.command("ACL", "SETUSER", "shop", "on", ">right-one", "~*", "&*", "+@all");
  const { locking, logs, logText } = await bed.boot({ redisUrl: `redis://shop:hunter2-secret@127.0.0.1:${bed.server.port}` });
  assert.ok(
    logs.some((line) => line.level === "error" && line.text.startsWith(FAILED)),
    logText,
  );
  assert.doesNotMatch(logText, /hunter2/);
  let error;
  try {
    await locking.execute("k", async () => assert.fail("ran"), { timeout: 1 });
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof Error);
  assert.doesNotMatch(`${error.stack}${JSON.stringify(error)}${error.cause}`, /hunter2/);
  await bed.command("ACL", "DELUSER", "shop");
});

test("calls without Redis fail at their timeout and take nothing later", OURS_ONLY, async () => {
  const port = await freePort();
  const booted = await bootLocking({ providers: [providerEntry({ redisUrl: `redis://127.0.0.1:${port}` })] });
  try {
    await assert.rejects(
      booted.locking.execute("k", async () => assert.fail("ran"), { timeout: 1 }),
      { type: TESTING_OFFICIAL ? "conflict" : "locking_error" },
    );
    await assert.rejects(booted.locking.acquire("k", { awaitQueue: true, timeout: 1 }));
  } finally {
    await booted.shutdown();
  }
  assert.deepEqual(await bed.locks(), []);
});
