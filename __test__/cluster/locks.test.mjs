// Locks on a cluster of three masters.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { HANG_GUARD_MS, NS, refused, until } from "../support/testbed.mjs";
import { openClusterBed, SPREAD } from "./support.mjs";

const bed = openClusterBed({ replicas: 0 });

test("one node of the options leads to all, and every lock is at the master of its slot", async () => {
  const { locking, logText } = await bed.boot();
  assert.match(logText, /Connection to Redis in "locking-redis" provider established/);
  assert.doesNotMatch(logText, /warn|error/);
  const keys = Array.from({ length: 60 }, (_, at) => `k${at}`);
  for (const key of keys) await locking.acquire(key, { ownerId: "me" });
  const masters = new Set();
  for (const key of keys) {
    assert.equal(await bed.owner(key), "me");
    masters.add(await bed.cluster.masterOf(`${NS}${key}`));
  }
  assert.equal(masters.size, 3);
  for (const key of keys) assert.equal(await locking.release(key, { ownerId: "me" }), true);
  assert.deepEqual(await bed.locks(), []);
});

test("a lock is handed from one instance to the other, in the order of arrival", async () => {
  const instances = [await bed.boot(), await bed.boot()];
  await instances[0].locking.acquire("hot", { ownerId: "first", expire: 60 });
  const order = [];
  const calls = [];
  for (let at = 0; at < 12; at += 1) {
    calls.push(instances[at % 2].locking.execute("hot", async () => order.push(at), { timeout: 30 }));
    await sleep(20);
  }
  await instances[0].locking.release("hot", { ownerId: "first" });
  await Promise.all(calls);
  // The queue has one entry per client. Still, no call is passed over, neither within an instance nor between instances.
  assert.deepEqual(
    order,
    order.toSorted((one, other) => one - other),
  );
});

test("waiting costs no polling: the lock comes by a message", async () => {
  const instances = [await bed.boot(), await bed.boot()];
  await instances[0].locking.acquire("hot", { ownerId: "first", expire: 60 });
  const waiting = instances[1].locking.execute("hot", async () => "done", { timeout: 60 });
  await until("it waits", async () => (await bed.cluster.keys()).some((name) => name.endsWith(`w:${NS}hot`)));
  const before = await bed.cluster.scripts();
  await sleep(3_000);
  assert.ok((await bed.cluster.scripts()) - before <= 8, "more than a safety poll a second");
  await instances[0].locking.release("hot", { ownerId: "first" });
  assert.equal(await waiting, "done");
});

test("keys of several slots are taken all or none by a try, and the error names the one that is held", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("b", { ownerId: "other", expire: 60 });
  const error = await refused(locking.acquire(["c", "b", "a"], { ownerId: "me" }), {
    code: "LOCK_NOT_ACQUIRED",
    message: 'Failed to acquire lock for key "b"',
  });
  assert.deepEqual(error.keys, ["b"]);
  await until("nothing of it is left", async () => (await bed.locks()).length === 1);
  assert.equal(await bed.owner("b"), "other");
});

test("a call that times out, or is withdrawn, while it holds some of its keys leaves none of them", async () => {
  const { locking } = await bed.boot();
  for (const held of SPREAD) {
    await locking.acquire(held, { ownerId: "other", expire: 60 });
    await refused(
      locking.execute(SPREAD, async () => assert.fail("ran"), { timeout: 1 }),
      { code: "LOCK_TIMEOUT" },
    );
    const controller = new AbortController();
    const call = locking.acquire(SPREAD, { ownerId: "me", awaitQueue: true, expire: 60, signal: controller.signal });
    await sleep(50);
    controller.abort(new Error("no longer wanted"));
    await assert.rejects(call, /no longer wanted/);
    await until("nothing of them is left", async () => (await bed.locks()).length === 1);
    await locking.release(held, { ownerId: "other" });
  }
});

test("keys that are held while another is waited for are kept beyond their lease", async () => {
  const { locking } = await bed.boot();
  for (const key of SPREAD) await locking.acquire(key, { ownerId: "other", expire: 60 });
  const call = locking.acquire(SPREAD, { ownerId: "me", awaitQueue: true, expire: 2, timeout: 60 });
  // The keys become free one after the other, in the order in which the call takes them, whatever that order is.
  for (const key of [...SPREAD, ...SPREAD, ...SPREAD]) {
    if ((await bed.owner(key)) !== "other" || (await ownersOf("other")).length === 1) continue;
    await locking.release(key, { ownerId: "other" });
    await sleep(100);
  }
  await sleep(4_500);
  const [last] = await ownersOf("other");
  await locking.release(last, { ownerId: "other" });
  await call;
  assert.deepEqual((await ownersOf("me")).sort(), SPREAD);
  assert.equal(await locking.release(SPREAD, { ownerId: "me" }), true);
});

async function ownersOf(owner) {
  const mine = [];
  for (const key of SPREAD) if ((await bed.owner(key)) === owner) mine.push(key);
  return mine;
}

test("many callers of several instances take keys of several slots in any order without a deadlock", async () => {
  const instances = [await bed.boot(), await bed.boot(), await bed.boot()];
  const keys = ["a", "b", "c", "d", "e"];
  const inside = new Map(keys.map((key) => [key, 0]));
  let jobs = 0;
  const callers = Array.from({ length: 24 }, async (_, caller) => {
    for (let count = 0; count < 15; count += 1) {
      const first = (caller + count) % 5;
      const set = [keys[first], keys[(first + 1 + (count % 4)) % 5], keys[(first + caller) % 5]];
      const job = async () => {
        for (const key of new Set(set)) inside.set(key, inside.get(key) + 1);
        await new Promise(setImmediate);
        for (const key of new Set(set)) {
          assert.equal(inside.get(key), 1, `two jobs at once on ${key}`);
          inside.set(key, 0);
        }
        jobs += 1;
      };
      await instances[caller % 3].locking.execute(set, job, { timeout: HANG_GUARD_MS / 1_000 });
    }
  });
  await Promise.all(callers);
  assert.equal(jobs, 360);
  await until("all locks are gone", async () => (await bed.locks()).length === 0);
});

test("a job of keys of several slots gets a token for each, and its leases are renewed", async () => {
  const { locking } = await bed.boot();
  const job = async (_, lock) => {
    await sleep(3_500);
    assert.equal(lock.signal.aborted, false);
    lock.assertHeld();
    return lock.fencingTokens;
  };
  const tokens = await locking.execute(SPREAD, job, { expire: 1 });
  assert.deepEqual(Object.keys(tokens).sort(), SPREAD);
  for (const token of Object.values(tokens)) assert.ok(token > 1e15);
  assert.deepEqual(await bed.locks(), []);
});

test("release of keys of several slots is true only when all were the owner's", async () => {
  const { locking } = await bed.boot();
  await locking.acquire(["a", "b"], { ownerId: "me" });
  await locking.acquire("c", { ownerId: "other" });
  assert.equal(await locking.release(["a", "b", "c"], { ownerId: "me" }), false);
  assert.deepEqual(await bed.locks(), [`${NS}c`]);
});

test("releaseAll frees the locks of an owner, or all, on every master", async () => {
  const { locking } = await bed.boot();
  for (let at = 0; at < 300; at += 1) await locking.acquire(`k${at}`, { ownerId: at % 3 ? "me" : "other" });
  await locking.releaseAll({ ownerId: "me" });
  assert.equal((await bed.locks()).length, 100);
  await locking.releaseAll();
  assert.deepEqual(await bed.locks(), []);
});

test("a job whose lock is taken away by releaseAll is told at once", async () => {
  const [one, two] = [await bed.boot(), await bed.boot()];
  let told;
  const call = one.locking.execute("k", async (_, lock) => {
    await two.locking.releaseAll();
    await until("the signal", () => lock.signal.aborted);
    told = true;
  });
  await refused(call, { message: /Lost the lock/ });
  assert.equal(told, true);
});

test("a cluster on the thread lane", async () => {
  process.env.MEDUSA_LOCKING_LANE = "thread";
  try {
    const instances = [await bed.boot(), await bed.boot()];
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, at) =>
        instances[at % 2].locking.execute([`k${at % 7}`, `l${at % 5}`], async () => at, { timeout: 30 }),
      ),
    );
    assert.equal(results.length, 200);
  } finally {
    delete process.env.MEDUSA_LOCKING_LANE;
  }
});
