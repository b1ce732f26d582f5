// Several acquires of one owner are one hold. It lasts as long as the longest of them asks for, and every lock object of it reports the same.

import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isPending, NS, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();

/** Acquires for `me` with all callbacks that report on the lock. */
async function acquire(locking, keys, args = {}) {
  const told = { losses: [] };
  const callbacks = { onHeld: (lock) => (told.lock = lock), onLost: (error) => told.losses.push(error) };
  await locking.acquire(keys, { ownerId: "me", ...callbacks, ...args });
  return told;
}

/** Whether the lock object says that its lock is held. */
function saysHeld({ lock }) {
  try {
    lock.assertHeld();
    return true;
  } catch {
    return false;
  }
}

test("while a renewed lock says that it is held, a shorter acquire of its owner elsewhere lets nobody else in", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  const told = await acquire(one.locking, "k", { renew: true, expire: 60 });
  await other.locking.acquire("k", { ownerId: "me", expire: 1 });
  await sleep(1_500);
  await refused(other.locking.acquire("k", { ownerId: "you" }), { code: "LOCK_NOT_ACQUIRED" });
  assert.equal(saysHeld(told), true);
  assert.equal(await bed.owner(`${NS}k`), "me");
});

test("the renewal of a short lock leaves the same owner's lock without an end as it is, and both say so", async () => {
  const { locking } = await bed.boot();
  await acquire(locking, "k", { renew: true, expire: 1 });
  const endless = await acquire(locking, "k");
  // Two renewals are due in this time.
  await sleep(1_000);
  assert.equal(await bed.pttl(`${NS}k`), -1);
  assert.equal(endless.lock.remainingMs(), Number.POSITIVE_INFINITY);
});

test("none of eight renewed acquires of one owner is told lost, and one release ends them all", async () => {
  const { locking } = await bed.boot();
  const all = [];
  for (let at = 0; at < 8; at += 1) all.push(await acquire(locking, "k", { renew: true, expire: 2 }));
  await sleep(3_000);
  assert.deepEqual(
    all.map((told) => [saysHeld(told), told.losses.length]),
    all.map(() => [true, 0]),
  );
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
  assert.deepEqual(all.map(saysHeld), Array(8).fill(false));
  assert.deepEqual(
    all.flatMap(({ losses }) => losses),
    [],
  );
  assert.deepEqual(await bed.locks(), []);
});

test("eight renewed acquires of one owner in two instances are one hold, too", async () => {
  const boots = [await bed.boot(), await bed.boot()];
  const all = [];
  for (let at = 0; at < 8; at += 1) all.push(await acquire(boots[at % 2].locking, "k", { renew: true, expire: 2 }));
  await sleep(3_000);
  assert.deepEqual(all.map(saysHeld), Array(8).fill(true));
  assert.deepEqual(
    all.flatMap(({ losses }) => losses),
    [],
  );
});

test("a lock of two seconds that its owner extends to thirty is not told lost after two", async () => {
  const { locking } = await bed.boot();
  const first = await acquire(locking, "k", { expire: 2 });
  await sleep(1_000);
  const second = await acquire(locking, "k", { expire: 30 });
  await sleep(2_000);
  assert.deepEqual([first.losses, second.losses], [[], []]);
  assert.deepEqual([saysHeld(first), saysHeld(second)], [true, true]);
  assert.ok((await bed.pttl(`${NS}k`)) > 20_000);
});

test("a lock that another instance extends is not told lost either", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  const first = await acquire(one.locking, "k", { expire: 2 });
  await sleep(500);
  await other.locking.acquire("k", { ownerId: "me", expire: 30 });
  await sleep(2_500);
  assert.deepEqual(first.losses, []);
  assert.equal(saysHeld(first), true);
});

test("a release of one of two keys is said by the lock, which names that key", async () => {
  const { locking } = await bed.boot();
  const told = await acquire(locking, ["a", "b"], { expire: 60 });
  assert.equal(await locking.release("a", { ownerId: "me" }), true);
  assert.throws(
    () => told.lock.assertHeld(),
    (error) => error.code === "LOCK_RELEASED" && error.keys.length === 1 && error.keys[0] === "a" && error.message.includes('"a"'),
  );
  assert.deepEqual(await bed.owners(), { [`${NS}b`]: "me" });
  assert.deepEqual(told.losses, [], "a release is no loss");
});

test("owner and tokens can be read for the first time after the release", async () => {
  const { locking } = await bed.boot();
  const told = await acquire(locking, ["a", "b"], { expire: 60 });
  await locking.release(["a", "b"], { ownerId: "me" });
  assert.equal(told.lock.ownerId, "me");
  assert.deepEqual(
    Object.values(told.lock.fencingTokens).map((token) => typeof token),
    ["number", "number"],
  );
});

test("owner and tokens can be read for the first time after the loss", async () => {
  const { locking } = await bed.boot();
  const told = await acquire(locking, "k", { expire: 1 });
  await until("the loss is told", () => told.losses.length > 0);
  assert.equal(told.lock.ownerId, "me");
  assert.equal(typeof told.lock.fencingTokens.k, "number");
});

test("owner and tokens of a job can be read for the first time after the job", async () => {
  const { locking } = await bed.boot();
  let kept;
  await locking.execute("k", async (_signal, lock) => {
    kept = lock;
  });
  assert.match(kept.ownerId, /^execute:/);
  assert.equal(typeof kept.fencingTokens.k, "number");
});

for (const renew of [false, true]) {
  const kind = renew ? "with renew" : "without renew";

  test(`a lock ${kind} that somebody deletes is told lost before a lease that began at the same time has ended`, async () => {
    const { locking } = await bed.boot();
    const [told, witness] = [await acquire(locking, "k", { expire: 6, renew }), await acquire(locking, "w", { expire: 6 })];
    await bed.command("DEL", `${NS}k`);
    await until("the loss is told", () => told.losses.length > 0);
    assert.equal(told.losses[0].code, "LOCK_LOST");
    assert.deepEqual([saysHeld(told), saysHeld(witness)], [false, true]);
    await sleep(100);
    assert.equal(told.losses.length, 1);
  });

  test(`a lock ${kind} that another instance releases by its owner's name is told lost`, async () => {
    const [one, other] = [await bed.boot(), await bed.boot()];
    const told = await acquire(one.locking, "k", { expire: 6, renew });
    assert.equal(await other.locking.release("k", { ownerId: "me" }), true);
    await other.locking.acquire("k", { ownerId: "you", expire: 60 });
    await until("the loss is told", () => told.losses.length > 0);
    assert.equal(saysHeld(told), false);
    assert.equal(await bed.owner(`${NS}k`), "you");
  });

  for (const where of ["the same instance", "another instance"]) {
    test(`a lock ${kind} that releaseAll of ${where} takes is told lost, once`, async () => {
      const one = await bed.boot();
      const other = where === "the same instance" ? one : await bed.boot();
      const told = await acquire(one.locking, "k", { expire: 3_600, renew });
      await other.locking.releaseAll();
      // Only the message can report the loss so soon, because a third of the lease is twenty minutes.
      await until("the loss is told", () => told.losses.length > 0);
      assert.equal(told.losses[0].code, "LOCK_LOST");
      assert.equal(saysHeld(told), false);
      await other.locking.acquire("k", { ownerId: "you", expire: 60 });
      await sleep(100);
      assert.equal(told.losses.length, 1);
    });
  }
}

test("a waiter behind the acquires of one owner is served when that owner releases", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  for (const expire of [60, 1, 30]) await acquire(one.locking, "k", { expire, renew: expire === 60 });
  const waits = other.locking.acquire("k", { ownerId: "you", awaitQueue: true, timeout: 30 });
  assert.equal(await isPending(waits), true);
  assert.equal(await one.locking.release("k", { ownerId: "me" }), true);
  await waits;
  assert.equal(await bed.owner(`${NS}k`), "you");
});
