import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred, isPending, NS, OURS_ONLY, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();

const TIMED_OUT = { message: "Timed-out acquiring lock.", type: "conflict" };

test("acquire with awaitQueue takes a free key at once", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "me", awaitQueue: true, expire: 60 });
  assert.deepEqual(await bed.owners(), { [`${NS}k`]: "me" });
});

test("acquire with awaitQueue gets the key when its holder releases it", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "first" });
  const waiting = locking.acquire("k", { ownerId: "second", awaitQueue: true, expire: 60 });
  assert.equal(await isPending(waiting), true);
  assert.equal(await bed.owner(`${NS}k`), "first");
  assert.equal(await locking.release("k", { ownerId: "first" }), true);
  await waiting;
  assert.equal(await bed.owner(`${NS}k`), "second");
  assert.ok((await bed.pttl(`${NS}k`)) > 0);
});

test("a waiter without an owner gets the key too", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k");
  const waiting = locking.acquire("k", { awaitQueue: true });
  assert.equal(await isPending(waiting), true);
  await locking.release("k");
  await waiting;
  assert.equal(await bed.owner(`${NS}k`), "*");
});

test("a waiter gets a key that is deleted or expires", async () => {
  const { locking } = await bed.boot();
  await locking.acquire(["deleted", "expired"], { ownerId: "first" });
  const waiting = Promise.all([
    locking.acquire("deleted", { ownerId: "second", awaitQueue: true }),
    locking.acquire("expired", { ownerId: "second", awaitQueue: true }),
  ]);
  assert.equal(await isPending(waiting), true);
  await bed.command("DEL", `${NS}deleted`);
  await bed.command("PEXPIRE", `${NS}expired`, 10);
  await waiting;
  assert.deepEqual(await bed.owners(), { [`${NS}deleted`]: "second", [`${NS}expired`]: "second" });
});

test("each of many waiters gets the key once", async () => {
  const { locking } = await bed.boot({ defaultRetryInterval: 2, maximumRetryInterval: 10 });
  await locking.acquire("k", { ownerId: "first" });
  const order = [];
  const waiters = Array.from({ length: 20 }, async (_, i) => {
    await locking.acquire("k", { ownerId: `waiter-${i}`, awaitQueue: true, expire: 60, timeout: 60 });
    assert.equal(await bed.owner(`${NS}k`), `waiter-${i}`);
    order.push(i);
    assert.equal(await locking.release("k", { ownerId: `waiter-${i}` }), true);
  });
  await locking.release("k", { ownerId: "first" });
  await Promise.all(waiters);
  assert.equal(new Set(order).size, 20);
  assert.deepEqual(await bed.locks(), []);
});

test("a waiter gives up after timeout seconds and leaves nothing behind", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "first" });
  const error = await refused(locking.acquire("k", { ownerId: "second", awaitQueue: true, timeout: 1 }), {
    ...TIMED_OUT,
    code: "LOCK_TIMEOUT",
  });
  assert.deepEqual(error.keys, ["k"]);
  assert.deepEqual(await bed.owners(), { [`${NS}k`]: "first" });
  // The call does not take the key later either.
  await locking.release("k", { ownerId: "first" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(await bed.locks(), []);
});

test("without timeout a waiter gives up after waitLockingTimeout", OURS_ONLY, async () => {
  const { locking } = await bed.boot({ waitLockingTimeout: 1 });
  await locking.acquire("k", { ownerId: "first" });
  await refused(locking.acquire("k", { ownerId: "second", awaitQueue: true }), { ...TIMED_OUT, code: "LOCK_TIMEOUT" });
});

test("timeout Infinity outlasts waitLockingTimeout", OURS_ONLY, async () => {
  const { locking } = await bed.boot({ waitLockingTimeout: 1 });
  await locking.acquire("k", { ownerId: "first" });
  const patient = locking.acquire("k", { ownerId: "patient", awaitQueue: true, timeout: Number.POSITIVE_INFINITY });
  await refused(locking.acquire("k", { ownerId: "hasty", awaitQueue: true }), TIMED_OUT);
  assert.equal(await isPending(patient), true);
  await locking.release("k", { ownerId: "first" });
  await patient;
  assert.equal(await bed.owner(`${NS}k`), "patient");
});

test("expire says nothing about how long a waiter waits", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "first" });
  const patient = locking.acquire("k", { ownerId: "patient", awaitQueue: true, expire: 1, timeout: 60 });
  await refused(locking.acquire("k", { ownerId: "hasty", awaitQueue: true, expire: 3600, timeout: 1 }), TIMED_OUT);
  assert.equal(await isPending(patient, 300), true);
  await locking.release("k", { ownerId: "first" });
  await patient;
});

test("an aborted wait rejects with the reason of its signal and takes nothing", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "first" });
  const controller = new AbortController();
  const reason = new Error("the shop closes");
  const waiting = locking.acquire(["a", "k"], { ownerId: "second", awaitQueue: true, timeout: 60, signal: controller.signal });
  assert.equal(await isPending(waiting), true);
  controller.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  await until("only the first owner's key is left", async () => (await bed.locks()).length === 1);
  assert.equal(await bed.owner(`${NS}k`), "first");
  await locking.release("k", { ownerId: "first" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(await bed.locks(), []);
});

test("a signal that was aborted before the call keeps it from taking anything", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const reason = { any: "value" };
  const signal = AbortSignal.abort(reason);
  for (const awaitQueue of [true, false]) {
    await assert.rejects(locking.acquire("k", { ownerId: "me", awaitQueue, signal }), (error) => error === reason);
  }
  assert.deepEqual(await bed.locks(), []);
});

test("a signal that aborts after the lock was taken changes nothing", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const controller = new AbortController();
  await locking.acquire("k", { ownerId: "me", awaitQueue: true, signal: controller.signal });
  controller.abort();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await bed.owner(`${NS}k`), "me");
});

test("with awaitQueue too the same owner extends its lock at once", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "me", expire: 5 });
  await locking.acquire("k", { ownerId: "me", expire: 500, awaitQueue: true });
  assert.ok((await bed.pttl(`${NS}k`)) > 400_000);
});

test("a waiter for several keys holds all of them in the end", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("b", { ownerId: "first" });
  const waiting = locking.acquire(["a", "b", "c"], { ownerId: "second", awaitQueue: true, timeout: 60 });
  assert.equal(await isPending(waiting), true);
  await locking.release("b", { ownerId: "first" });
  await waiting;
  assert.deepEqual(await bed.owners(), { [`${NS}a`]: "second", [`${NS}b`]: "second", [`${NS}c`]: "second" });
});

test("a waiter for several keys that gives up gives back what it took meanwhile, and only that", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("before", { ownerId: "second", expire: 900 });
  await locking.acquire("held", { ownerId: "first" });
  const waiting = locking.acquire(["before", "free", "held"], { ownerId: "second", awaitQueue: true, timeout: 1, expire: 60 });
  await refused(waiting, TIMED_OUT);
  await until("the free key is given back", async () => (await bed.owner(`${NS}free`)) === null);
  assert.deepEqual(await bed.owners(), { [`${NS}before`]: "second", [`${NS}held`]: "first" });
});

test("waiters in two processes' worth of providers exclude each other", async () => {
  const [one, two] = [await bed.boot(), await bed.boot()];
  const gate = deferred();
  await one.locking.acquire("k", { ownerId: "one" });
  const waiting = two.locking.acquire("k", { ownerId: "two", awaitQueue: true }).then(() => gate.resolve());
  assert.equal(await isPending(gate.promise), true);
  await one.locking.release("k", { ownerId: "one" });
  await gate.promise;
  await waiting;
  assert.equal(await bed.owner(`${NS}k`), "two");
});
