// During a rolling deployment old and new instances run side by side on the same locks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { OFFICIAL, UNDER_TEST } from "../../harness/installed.mjs";
import { deferred, isPending, NS, OURS_ONLY, openTestbed, refused } from "../support/testbed.mjs";

const bed = openTestbed();

async function fleet() {
  const official = await bed.boot({}, { resolve: OFFICIAL });
  const ours = await bed.boot({}, { resolve: UNDER_TEST });
  return { official: official.locking, ours: ours.locking };
}

/** Runs a test in both directions. */
function inBothDirections(what, body, options = {}) {
  for (const [holder, other] of [
    ["official", "ours"],
    ["ours", "official"],
  ]) {
    test(`${what} (held by ${holder}, wanted by ${other})`, options, async () => {
      const both = await fleet();
      await body(both[holder], both[other]);
    });
  }
}

const taken = (key) => ({ message: `Failed to acquire lock for key "${key}"`, type: "conflict" });

inBothDirections("a lock of one is refused to the other", async (holder, other) => {
  for (const ownerId of ["me", undefined]) {
    await holder.acquire("k", { ownerId, expire: 60 });
    await refused(other.acquire("k", { ownerId: "you" }), taken("k"));
    await refused(other.acquire("k"), taken("k"));
    await refused(
      other.execute("k", async () => assert.fail("ran"), { timeout: 1 }),
      { message: "Timed-out acquiring lock.", type: "conflict" },
    );
    assert.equal(await holder.release("k", { ownerId }), true);
  }
});

inBothDirections("a waiter of one gets the lock when the other releases it", async (holder, other) => {
  await holder.acquire("k", { ownerId: "me" });
  const waiting = other.acquire("k", { ownerId: "you", awaitQueue: true, timeout: 10 });
  assert.equal(await isPending(waiting), true);
  assert.equal(await holder.release("k", { ownerId: "me" }), true);
  await waiting;
  assert.equal(await bed.owner(`${NS}k`), "you");
});

inBothDirections("an execute of one waits for the execute of the other", async (holder, other) => {
  const [started, gate] = [deferred(), deferred()];
  const order = [];
  const first = holder.execute("k", async () => {
    started.resolve();
    await gate.promise;
    order.push("first ends");
  });
  await started.promise;
  const second = other.execute("k", async () => order.push("second runs"), { timeout: 10 });
  assert.equal(await isPending(second), true);
  gate.resolve();
  await Promise.all([first, second]);
  assert.deepEqual(order, ["first ends", "second runs"]);
  assert.deepEqual(await bed.locks(), []);
});

inBothDirections("a try during the other's execute is refused", async (holder, other) => {
  await holder.execute(["a", "b"], async () => {
    await refused(other.acquire("b", { ownerId: "me" }), taken("b"));
    assert.equal(await other.release("a"), false);
    assert.equal(await other.release("a", { ownerId: "me" }), false);
  });
  assert.deepEqual(await bed.locks(), []);
});

inBothDirections("a lease that one renews is not free for the other", async (holder, other) => {
  await holder.execute(
    "k",
    async (signal) => {
      // Longer than the lease.
      await refused(
        other.execute("k", async () => assert.fail("ran"), { timeout: 2 }),
        { message: "Timed-out acquiring lock." },
      );
      assert.equal(signal.aborted, false);
    },
    { expire: 1 },
  );
});

inBothDirections("an ownerless lock of one is released by the other", async (holder, other) => {
  await holder.acquire(["a", "b"], { expire: 60 });
  assert.equal(await other.release(["a", "b"]), true);
  await holder.acquire("a");
  assert.equal(await other.release("a", { ownerId: "*" }), true);
  assert.equal(await holder.release("a"), false);
  assert.deepEqual(await bed.locks(), []);
});

inBothDirections("a named owner's lock is extended and released through the other", async (holder, other) => {
  await holder.acquire("k", { ownerId: "me", expire: 10 });
  await other.acquire("k", { ownerId: "me", expire: 500 });
  assert.ok((await bed.pttl(`${NS}k`)) > 400_000);
  await holder.acquire("k", { ownerId: "me" });
  assert.equal(await bed.pttl(`${NS}k`), -1);
  await other.acquire("k", { ownerId: "me", expire: 20 });
  assert.equal(await other.release("k", { ownerId: "me" }), true);
  assert.equal(await holder.release("k", { ownerId: "me" }), false);
});

inBothDirections("releaseAll of an owner frees what the other took for that owner", async (holder, other) => {
  await holder.acquire(["a", "b"], { ownerId: "me" });
  await holder.acquire("c", { ownerId: "you" });
  await holder.acquire("d");
  await other.releaseAll({ ownerId: "me" });
  await other.releaseAll({ ownerId: "*" });
  assert.deepEqual(await bed.owners(), { [`${NS}c`]: "you" });
});

inBothDirections("locks change hands many times and each holder is believed", async (one, two) => {
  for (let i = 0; i < 30; i += 1) {
    const [first, second] = i % 2 ? [one, two] : [two, one];
    const ownerId = i % 3 ? "me" : undefined;
    await first.acquire("k", { ownerId, expire: 30 + i });
    await refused(second.acquire("k", { ownerId: "you" }), taken("k"));
    assert.equal(await second.release("k", { ownerId }), true);
    await second.acquire("k", { ownerId, expire: 30 + i });
    if (ownerId) await first.acquire("k", { ownerId, expire: 100 });
    else await refused(first.acquire("k"), taken("k"));
    assert.equal(await first.release("k", { ownerId }), true);
  }
  assert.deepEqual(await bed.locks(), []);
});

test("an execute of ours whose lock an official instance took over leaves it to that instance", OURS_ONLY, async () => {
  const { official, ours } = await fleet();
  const job = async () => {
    await bed.command("DEL", `${NS}k`);
    await official.acquire("k", { ownerId: "you", expire: 60 });
  };
  await refused(ours.execute("k", job, { expire: 600 }), { type: "conflict", code: "LOCK_LOST" });
  assert.equal(await bed.owner(`${NS}k`), "you");
});

test("a lock that the official package took for the same owner is not taken for ours when a call is rolled back", OURS_ONLY, async () => {
  const { official, ours } = await fleet();
  // Ours leaves a hold record, and then the official package takes the lock again under the same name.
  await ours.acquire("k", { ownerId: "me", expire: 60 });
  await official.release("k", { ownerId: "me" });
  await official.acquire("k", { ownerId: "me", expire: 90 });
  await official.acquire("held", { ownerId: "you" });
  await refused(ours.acquire(["k", "held"], { ownerId: "me", expire: 5 }), taken("held"));
  await refused(ours.acquire(["held", "k"], { ownerId: "me", expire: 5, awaitQueue: true, timeout: 1 }), {
    message: "Timed-out acquiring lock.",
  });
  assert.deepEqual(await bed.owners(), { [`${NS}held`]: "you", [`${NS}k`]: "me" });
});

test("the official releaseAll copes with a namespace in which ours works", OURS_ONLY, async () => {
  const { official, ours } = await fleet();
  await ours.acquire(["a", "b"], { expire: 60 });
  await ours.execute("c", async () => {
    await official.releaseAll();
    assert.match(await bed.owner(`${NS}c`), /^execute:/);
  });
  assert.deepEqual(await bed.locks(), []);
  await ours.acquire(["a", "b"]);
  assert.equal(await ours.release(["a", "b"]), true);
});
