import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { NS, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();

/** Acquires with all callbacks that report on the lock. */
async function acquire(locking, keys, args) {
  const told = { losses: [] };
  const callbacks = { onHeld: (lock) => (told.lock = lock), onLost: (error) => told.losses.push(error) };
  await locking.acquire(keys, { ownerId: "me", expire: 1, ...callbacks, ...args });
  return told;
}

test("with renew an acquired lock outlives its lease until its release", async () => {
  const { locking } = await bed.boot();
  const told = await acquire(locking, ["a", "b"], { renew: true });
  await sleep(2_500);
  told.lock.assertHeld();
  assert.ok(told.lock.remainingMs() > 0);
  assert.deepEqual(await bed.owners(), { [`${NS}a`]: "me", [`${NS}b`]: "me" });
  assert.equal(await locking.release(["a", "b"], { ownerId: "me" }), true);
  assert.deepEqual(await bed.locks(), []);
  assert.throws(() => told.lock.assertHeld(), { code: "LOCK_RELEASED" });
  assert.deepEqual(told.losses, [], "a release is no loss");
});

test("without renew the lock is told to be lost when its lease lapses", async () => {
  const { locking } = await bed.boot();
  const told = await acquire(locking, "k");
  assert.equal(told.lock.ownerId, "me");
  await until("the loss is told", () => told.losses.length > 0);
  assert.equal(told.losses[0].code, "LOCK_LOST");
  assert.equal(told.lock.signal.aborted, true);
  assert.equal(told.lock.remainingMs(), 0);
});

test("onHeld hands out a lock with a token for each key, and tokens rise", async () => {
  const { locking } = await bed.boot();
  const first = await acquire(locking, ["a", "b"]);
  const tokens = { ...first.lock.fencingTokens };
  assert.deepEqual(Object.keys(tokens), ["a", "b"]);
  await locking.release(["a", "b"], { ownerId: "me" });
  const second = await acquire(locking, ["b"], { ownerId: "other" });
  assert.ok(second.lock.fencingTokens.b > tokens.b);
});

test("a lock without an end is held until its release", async () => {
  const { locking } = await bed.boot();
  const told = await acquire(locking, "k", { expire: undefined });
  assert.equal(told.lock.remainingMs(), Number.POSITIVE_INFINITY);
  assert.equal(await bed.pttl(`${NS}k`), -1);
  await locking.release("k", { ownerId: "me" });
  assert.deepEqual(told.losses, []);
});

test("a renewed lock that somebody deletes is told to be lost", async () => {
  const { locking } = await bed.boot();
  const told = await acquire(locking, "k", { renew: true });
  await bed.command("DEL", `${NS}k`);
  await until("the loss is told", () => told.losses.length > 0);
  assert.throws(() => told.lock.assertHeld(), { code: "LOCK_LOST" });
});

test("a renewed lock that another instance releases by the same owner is told to be lost", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  const told = await acquire(one.locking, "k", { renew: true });
  assert.equal(await other.locking.release("k", { ownerId: "me" }), true);
  await until("the loss is told", () => told.losses.length > 0);
  assert.deepEqual(await bed.locks(), []);
});

test("releaseAll of the owner ends the renewal without a loss", async () => {
  const { locking } = await bed.boot();
  const told = await acquire(locking, ["a", "b"], { renew: true });
  await locking.releaseAll({ ownerId: "me" });
  await sleep(1_500);
  assert.deepEqual(await bed.locks(), []);
  assert.deepEqual(told.losses, []);
});

test("an onHeld that throws gives the lock back", async () => {
  const { locking } = await bed.boot();
  const onHeld = () => {
    throw new Error("no use for it");
  };
  await assert.rejects(locking.acquire("k", { ownerId: "me", expire: 60, renew: true, onHeld }), /no use for it/);
  assert.deepEqual(await bed.locks(), []);
});

test("a value that is no function is refused as onHeld and onLost", async () => {
  const { locking } = await bed.boot();
  for (const name of ["onHeld", "onLost"]) {
    const error = await refused(locking.acquire("k", { [name]: "call me" }), { code: "INVALID_ARGUMENT" });
    assert.match(error.message, new RegExp(name));
  }
  assert.deepEqual(await bed.locks(), []);
});
