// One owner holds a key. Another attempt of the same owner has moved the key's end, and is then rolled back.

import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { NS, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();
/** No replica acknowledges a write, so every lock that this instance takes is rolled back after `timeoutMs`. */
const bootRolledBack = (timeoutMs) => bed.boot({ safety: { replicas: 1, timeoutMs } });

const isHeld = (lock) => {
  try {
    lock.assertHeld();
    return true;
  } catch {
    return false;
  }
};

/** Acquires the key, and returns the lock object. */
async function lockOfMe(locking) {
  let lock;
  const onHeld = (held) => {
    lock = held;
  };
  await locking.acquire("k", { ownerId: "me", expire: 3, onHeld });
  return lock;
}

test("a renewed lock stays when a longer acquire of its owner is rolled back after the end that was there first", async () => {
  const { locking } = await bed.boot();
  const { locking: rolledBack } = await bootRolledBack(2_500);
  const lost = [];
  await locking.acquire("k", { ownerId: "me", renew: true, expire: 1, onLost: (error) => lost.push(error.message) });
  await refused(rolledBack.acquire("k", { ownerId: "me", expire: 60 }), { code: "LOCK_NOT_REPLICATED" });
  await sleep(700);
  assert.equal(await bed.owner(`${NS}k`), "me");
  assert.ok((await bed.pttl(`${NS}k`)) < 30_000, "the rolled back attempt's end is gone");
  assert.deepEqual(lost, []);
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
});

test("a lock object tells no end that may be taken back, and does not say held when it was and another owner came", async () => {
  const { locking } = await bed.boot();
  const { locking: rolledBack } = await bootRolledBack(2_500);
  const lock = await lockOfMe(locking);
  await refused(rolledBack.acquire("k", { ownerId: "me", expire: 60 }), { code: "LOCK_NOT_REPLICATED" });
  assert.ok(lock.remainingMs() <= 3_000, `${lock.remainingMs()}`);
  await until("another owner gets the key", () =>
    locking.acquire("k", { ownerId: "other", expire: 60 }).then(
      () => true,
      () => false,
    ),
  );
  assert.equal(isHeld(lock), false);
});

test("a lock object sees the later end of an acquire of its owner that succeeded", async () => {
  const { locking } = await bed.boot();
  const { locking: other } = await bed.boot();
  const lock = await lockOfMe(locking);
  await other.acquire("k", { ownerId: "me", expire: 60 });
  await until("the lock has seen the later end", () => lock.remainingMs() > 30_000);
  assert.equal(isHeld(lock), true);
});
