import assert from "node:assert/strict";
import { test } from "node:test";
import { NS, OURS_ONLY, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

test("release by the owner deletes the lock and tells true", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "me", expire: 60 });
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
  assert.deepEqual(await bed.locks(), []);
});

test("release without an owner releases an ownerless lock only", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("nobody's");
  await locking.acquire("mine", { ownerId: "me" });
  assert.equal(await locking.release("nobody's"), true);
  assert.equal(await locking.release("mine"), false);
  assert.equal(await locking.release("mine", {}), false);
  assert.deepEqual(await bed.owners(), { [`${NS}mine`]: "me" });
});

test("release by another owner tells false and leaves the lock", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "me", expire: 60 });
  assert.equal(await locking.release("k", { ownerId: "other" }), false);
  assert.equal(await locking.release("k", { ownerId: "*" }), false);
  assert.equal(await bed.owner(`${NS}k`), "me");
});

test("release of a free key tells false", async () => {
  const { locking } = await bed.boot();
  assert.equal(await locking.release("k"), false);
  assert.equal(await locking.release("k", { ownerId: "me" }), false);
});

test("releasing twice tells true, then false", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "me" });
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
  assert.equal(await locking.release("k", { ownerId: "me" }), false);
});

test("release of several keys tells true only if every one was released, and releases those it can", async () => {
  const { locking } = await bed.boot();
  await locking.acquire(["a", "b"], { ownerId: "me" });
  assert.equal(await locking.release(["a", "b"], { ownerId: "me" }), true);
  await locking.acquire(["a", "b"], { ownerId: "me" });
  await locking.acquire("c", { ownerId: "other" });
  assert.equal(await locking.release(["a", "c", "b"], { ownerId: "me" }), false);
  assert.deepEqual(await bed.owners(), { [`${NS}c`]: "other" });
});

test("release of no key at all tells true", async () => {
  const { locking } = await bed.boot();
  assert.equal(await locking.release([]), true);
  assert.equal(await locking.release([], { ownerId: "me" }), true);
});

test("a key named twice is released once, and that counts as released", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "me" });
  assert.equal(await locking.release(["k", "k"], { ownerId: "me" }), true);
  assert.deepEqual(await bed.locks(), []);
});

test("release sees what another client wrote", async () => {
  const { locking } = await bed.boot();
  await bed.command("SET", `${NS}k`, "somebody");
  assert.equal(await locking.release("k", { ownerId: "me" }), false);
  assert.equal(await locking.release("k", { ownerId: "somebody" }), true);
  assert.equal(await bed.owner(`${NS}k`), null);
});

test("a lock released by one instance can be taken by another at once", async () => {
  const [one, two] = [await bed.boot(), await bed.boot()];
  for (let i = 0; i < 50; i += 1) {
    const [mine, theirs] = i % 2 ? [one, two] : [two, one];
    await mine.locking.acquire("k", { ownerId: `owner-${i}`, expire: 60 });
    assert.equal(await theirs.locking.release("k", { ownerId: "somebody else" }), false);
    assert.equal(await theirs.locking.release("k", { ownerId: `owner-${i}` }), true);
  }
});
