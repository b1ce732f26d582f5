// Locks over TLS: everything that a connection is used for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { OURS_ONLY, openTestbed, until } from "../support/testbed.mjs";
import { openTlsBed, takesALock } from "./support.mjs";

const bed = openTestbed();
const tls = await openTlsBed();
const redis = await tls.start();

/** Boots on the server that speaks TLS. */
function boot(options = {}) {
  return bed.boot({ redisUrl: redis.url, redisOptions: { tls: { ca: tls.certificates.pem("ca") } }, ...options });
}

test("rediss:// with the authority's certificate", async () => {
  await takesALock(await boot(), redis.server);
});

test("redis:// with tls in redisOptions, by name", async () => {
  const redisOptions = { tls: { ca: tls.certificates.pem("ca") } };
  await takesALock(await boot({ redisUrl: `redis://localhost:${redis.port}`, redisOptions }), redis.server);
});

test("TLS 1.2 and TLS 1.3, and each of the cipher suites that rustls has for this key", OURS_ONLY, async () => {
  const ca = tls.certificates.pem("ca");
  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    await takesALock(await boot({ redisOptions: { tls: { ca, minVersion: version, maxVersion: version } } }), redis.server);
  }
  for (const ciphers of ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"]) {
    await takesALock(await boot({ redisOptions: { tls: { ca, ciphers } } }), redis.server);
  }
});

test("a lock is handed from one instance to the other", OURS_ONLY, async () => {
  const instances = [await boot(), await boot()];
  const order = [];
  let inside = 0;
  const job = (name) => async () => {
    inside += 1;
    assert.equal(inside, 1);
    order.push(name);
    await sleep(2);
    inside -= 1;
  };
  const calls = Array.from({ length: 40 }, (_, at) => instances[at % 2].locking.execute("hot", job(at % 2), { timeout: 30 }));
  await Promise.all(calls);
  assert.deepEqual(order.toSorted(), [...Array(20).fill(0), ...Array(20).fill(1)]);
});

test("thousands of calls at once, and keys of a megabyte", async () => {
  const { locking } = await boot();
  const results = await Promise.all(Array.from({ length: 5_000 }, (_, at) => locking.execute(`k${at}`, async () => at)));
  assert.equal(results.at(-1), 4_999);
  const long = Array.from({ length: 8 }, (_, at) => `${at}`.padEnd(1 << 20, "x"));
  assert.equal(await locking.execute(long, async () => "done", { timeout: 30 }), "done");
});

test("a lease is renewed while the event loop is blocked", OURS_ONLY, async () => {
  const { locking } = await boot();
  const blocked = async (_signal, lock) => {
    const end = Date.now() + 3_000;
    while (Date.now() < end) lock.assertHeld();
    return lock.remainingMs();
  };
  assert.ok((await locking.execute("k", blocked, { expire: 1 })) > 0);
});

test("a named owner's lease is renewed for longer than it is", OURS_ONLY, async () => {
  const { locking } = await boot();
  await locking.acquire("k", { ownerId: "me", expire: 1, renew: true });
  await sleep(2_500);
  assert.equal(await redis.server.cli("GET", "medusa_lock:k"), "me");
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
});

test("releaseAll", async () => {
  const { locking } = await boot();
  await Promise.all(Array.from({ length: 500 }, (_, at) => locking.acquire(`all-${at}`, { ownerId: "me" })));
  await locking.releaseAll({ ownerId: "me" });
  assert.deepEqual(await redis.server.cli("KEYS", "medusa_lock:all-*"), []);
});

test("connections that are ended are made anew, and nobody notices", async () => {
  const { locking } = await boot();
  for (let count = 0; count < 5; count += 1) {
    const calls = Array.from({ length: 50 }, (_, at) => locking.execute(`k${at}`, () => sleep(20), { timeout: 30 }));
    await sleep(10);
    await redis.server.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await Promise.all(calls);
  }
  await until("nothing stays locked", async () => (await redis.server.cli("KEYS", "medusa_lock:*")).length === 0);
});

test("a provider that is shut down leaves no connection", OURS_ONLY, async () => {
  const booted = await boot();
  await takesALock(booted, redis.server);
  await booted.shutdown();
  await bed.closeBoots();
  await until("every connection is closed", async () => (await redis.server.cli("CLIENT", "LIST")).trim().split("\n").length === 1);
});
