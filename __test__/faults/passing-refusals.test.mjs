// If a server cannot serve for a while, the password is not wrong, and there is no reason to poll for good.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startServer } from "../../harness/redis-servers.mjs";
import { connect } from "../../harness/resp-client.mjs";
import { OURS_ONLY, openTestbed, refused, SERVER, until } from "../support/testbed.mjs";

const bed = openTestbed();

async function start(args) {
  const server = await startServer({ version: SERVER, args });
  const observer = await connect({ port: server.port, password: args.includes("--requirepass") ? "pw" : undefined });
  after(async () => {
    observer.close();
    await server.stop();
  });
  return { server, observer };
}

test("max clients: calls with time left wait and get their lock, and others hear the reason", OURS_ONLY, async () => {
  const { server, observer } = await start(["--requirepass", "pw"]);
  const booted = await bed.boot({ redisUrl: `redis://:pw@127.0.0.1:${server.port}` });
  const count = async () => Number(/rejected_connections:(\d+)/.exec(await observer.command("INFO", "stats"))[1]);
  await observer.command("CONFIG", "SET", "maxclients", "1");
  for (const type of ["normal", "pubsub"]) await observer.command("CLIENT", "KILL", "TYPE", type, "SKIPME", "yes");
  const [began, waiting] = [await count(), booted.locking.execute("k", async () => "done", { timeout: 20 })];
  const error = await refused(
    booted.locking.execute("j", async () => {}, { timeout: 1 }),
    { type: undefined },
  );
  // The call may have been sent before the client found the connection closed.
  assert.match(error.code, /^(LOCK_TIMEOUT|REDIS_UNREACHABLE)$/);
  assert.match(String(error.cause), /max number of clients reached/);
  await until("connections were refused", async () => (await count()) > began);
  await observer.command("CONFIG", "SET", "maxclients", "1000");
  assert.equal(await waiting, "done");
  assert.doesNotMatch(booted.logText, /password/);
});

test("an instance that connects while Redis is busy with a script waits in the queue like any other afterwards", OURS_ONLY, async () => {
  const { server, observer } = await start(["--busy-reply-threshold", "50"]);
  const busy = await connect({ port: server.port });
  after(() => busy.close());
  const endless = busy.command("EVAL", "while true do redis.call('PING') end", 0).catch(() => {});
  await until("Redis is busy", () =>
    observer.command("PING").then(
      () => false,
      (error) => error.message.startsWith("BUSY"),
    ),
  );
  const booting = bed.boot({ redisUrl: server.url });
  await sleep(300);
  await observer.command("SCRIPT", "KILL");
  await endless;
  const booted = await booting;
  const other = await bed.boot({ redisUrl: server.url });
  let release;
  const held = other.locking.execute("k", () => new Promise((resolve) => (release = resolve)));
  await until("k is held", () => release);
  const waiting = booted.locking.execute("k", async () => "done", { timeout: 20 });
  await until("it waits in the queue", async () => (await observer.command("KEYS", "mlr!*w:*")).length === 1);
  release();
  await held;
  assert.equal(await waiting, "done");
  assert.doesNotMatch(booted.logText, /again and again/);
});

test("channels that are allowed later are made use of", OURS_ONLY, async () => {
  const { server, observer } = await start([]);
  await observer.command("ACL", "SETUSER", "shop", "on", ">pw", "~*", "+@all", "resetchannels");
  const booted = await bed.boot({ redisUrl: `redis://shop:pw@127.0.0.1:${server.port}` });
  assert.match(booted.logText, /again and again/);
  await observer.command("ACL", "SETUSER", "shop", "allchannels");
  await until("it waits in a queue", () => booted.logText.includes("waits for locks in a fair queue again"));
  assert.equal(await booted.locking.execute("k", async () => "done"), "done");
});

test("a replica is connected to a few times only, and told of once", OURS_ONLY, async () => {
  const { server, observer } = await start(["--replicaof", `127.0.0.1 ${bed.server.port}`]);
  await until("the replica has its data", async () => (await observer.command("INFO", "replication")).includes("master_link_status:up"));
  const booted = await bed.boot({ redisUrl: server.url });
  const count = async () => Number(/total_connections_received:(\d+)/.exec(await observer.command("INFO", "stats"))[1]);
  const [began, end] = [await count(), Date.now() + 4_000];
  const calls = [];
  while (Date.now() < end) {
    calls.push(booted.locking.execute("k", async () => {}).catch((error) => error));
    await sleep(20);
  }
  for (const error of await Promise.all(calls)) assert.match(`${error.message} ${error.cause}`, /READONLY/);
  const made = (await count()) - began;
  assert.ok(made < 16, `${made} connections`);
  assert.equal(booted.logText.match(/is a replica of/g).length, 1, booted.logText);
  assert.ok(booted.logs.length <= 4, booted.logText);
  await observer.command("REPLICAOF", "NO", "ONE");
  await until("it is a master", () =>
    booted.locking
      .execute("k", async () => true, { timeout: 5 })
      .then(
        () => true,
        () => false,
      ),
  );
});
