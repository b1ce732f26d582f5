import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { block, deferred, NS, openTestbed, refused, until } from "../support/testbed.mjs";
import { untilWaiting, waitingClients } from "./support.mjs";

const bed = openTestbed();

/** Holds "k" by a job with a lease of a second, until `release` is called. */
async function hold(locking) {
  const [held, end] = [deferred(), deferred()];
  const done = locking.execute(
    "k",
    (_signal, lock) => {
      held.resolve(lock);
      return end.promise;
    },
    { expire: 1 },
  );
  // The tests look at the result later. Until then its failure must not count as unhandled.
  done.catch(() => {});
  return { lock: await held.promise, release: () => end.resolve("done"), done };
}

test("shutdown tells those that wait, takes them out of the queue, and serves the others", async () => {
  const [closing, other] = [await bed.boot(), await bed.boot()];
  await other.locking.acquire("k", { ownerId: "holder", expire: 60 });
  const told = closing.locking.execute("k", async () => assert.fail("it was told to go"));
  await untilWaiting(bed, "k", 1);
  const served = other.locking.execute("k", async () => "served");
  await untilWaiting(bed, "k", 2);
  const closed = closing.shutdown();
  await refused(told, { code: "PROVIDER_CLOSED" });
  await until("it has left the queue", async () => (await waitingClients(bed, "k")) === 1);
  await other.locking.release("k", { ownerId: "holder" });
  assert.equal(await served, "served");
  await closed;
});

test("a job that runs while its provider is shut down keeps its lease until it ends", async () => {
  const { locking, shutdown } = await bootOne();
  const { lock, release, done } = await hold(locking);
  const closed = shutdown();
  await sleep(2_500);
  lock.assertHeld();
  assert.equal(await bed.owner(`${NS}k`), lock.ownerId);
  release();
  assert.equal(await done, "done");
  await closed;
  assert.deepEqual(await bed.locks(), []);
});

test("after drainTimeoutMs jobs that still run are told, and their locks end two seconds later", async () => {
  const { locking, shutdown } = await bootOne({ drainTimeoutMs: 200 });
  const { lock, release, done } = await hold(locking);
  await shutdown();
  assert.throws(() => lock.assertHeld());
  // The job has time to notice, because somebody else may start as soon as the lock is free.
  const left = await bed.pttl(`${NS}k`);
  assert.ok(left > 0 && left <= 2_000, `${left} ms left`);
  await until("it is free", async () => (await bed.locks()).length === 0);
  release();
  await refused(done, { code: "LOCK_LOST" });
});

test("a lock of acquire that is renewed ends two seconds after drainTimeoutMs", async () => {
  const { locking, shutdown } = await bootOne({ drainTimeoutMs: 200 });
  await locking.acquire("k", { ownerId: "me", expire: 60, renew: true });
  await shutdown();
  assert.ok((await bed.pttl(`${NS}k`)) <= 2_000);
});

test("the object of a lock that a shutdown leaves behind tells of the shutdown, and the log names the keys of jobs", async () => {
  const booted = await bed.boot({ drainTimeoutMs: 200 });
  const { lock, release, done } = await hold(booted.locking);
  const blind = booted.locking.execute("blind", () => sleep(1_000));
  blind.catch(() => {});
  // Locks of acquire must not hide the locks of jobs.
  for (let at = 0; at < 12; at += 1) await booted.locking.acquire(`a${at}`, { ownerId: "me", expire: 60, renew: true });
  const [kept, told] = [deferred(), deferred()];
  await booted.locking.acquire("kept", { ownerId: "me", expire: 60, renew: true, onHeld: kept.resolve, onLost: told.resolve });
  await booted.shutdown();
  const shutDown = /the locking provider was shut down/;
  assert.match((await told.promise).message, shutDown);
  assert.throws(() => lock.assertHeld(), { code: "LOCK_LOST", message: shutDown });
  const { signal } = await kept.promise;
  assert.match(signal.reason.message, shutDown);
  release();
  await refused(done, { code: "LOCK_LOST", message: shutDown });
  await refused(blind, { code: "LOCK_LOST", message: shutDown });
  const [line, ...others] = booted.logs.filter(({ text }) => text.includes("is shut down while jobs hold"));
  assert.deepEqual(others, []);
  assert.match(line.text, /hold keys "(k|blind)", "(k|blind)"\./);
});

test("drainTimeoutMs is a time, also where a busy process looks seldom", async () => {
  const { locking, shutdown } = await bootOne({ drainTimeoutMs: 1_000 });
  const { release, done } = await hold(locking);
  let looks = 0;
  const busy = setInterval(() => {
    looks += 1;
    block(400);
  });
  await shutdown();
  clearInterval(busy);
  release();
  await refused(done, { code: "LOCK_LOST" });
  // If the time were counted in fifty looks of 20 ms, there would be as many blocks.
  assert.ok(looks < 25, `${looks} blocks of 400 ms`);
});

/** Boots an instance whose shutdown can be called apart from it. */
async function bootOne(options) {
  const booted = await bed.boot(options);
  return { locking: booted.locking, shutdown: () => booted.shutdown() };
}
