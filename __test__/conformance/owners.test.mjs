import assert from "node:assert/strict";
import { test } from "node:test";
import { NS, OURS_ONLY, openTestbed, refused } from "../support/testbed.mjs";

const bed = openTestbed();

const INVALID = { type: "invalid_data", code: "INVALID_ARGUMENT" };

test("any other string is an owner", async () => {
  const { locking } = await bed.boot();
  for (const ownerId of [
    "",
    " ",
    "0",
    "*x",
    "**",
    "grant",
    "execute",
    "Execute:1",
    " execute:1",
    "ключ🔑",
    "a\r\nb\u0000",
    "x".repeat(10_000),
  ]) {
    await locking.acquire("k", { ownerId, expire: 60 });
    assert.equal(await bed.owner(`${NS}k`), ownerId);
    await locking.acquire("k", { ownerId, expire: 600 });
    assert.ok((await bed.pttl(`${NS}k`)) > 60_000);
    assert.equal(await locking.release("k", { ownerId: `${ownerId}!` }), false);
    assert.equal(await locking.release("k", { ownerId }), true);
  }
});

test("null and undefined are the asterisk", async () => {
  const { locking } = await bed.boot();
  for (const ownerId of [null, undefined]) {
    await locking.acquire("k", { ownerId });
    assert.equal(await bed.owner(`${NS}k`), "*");
    assert.equal(await locking.release("k", { ownerId }), true);
  }
});

test("owners that begin with grant: or execute: are refused", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  for (const ownerId of ["grant:", "grant:x", "execute:", "execute:00000000-0000-4000-8000-000000000000"]) {
    await refused(locking.acquire("k", { ownerId }), INVALID);
    await refused(locking.acquire("k", { ownerId, awaitQueue: true }), INVALID);
    await refused(locking.acquire([], { ownerId }), INVALID);
  }
  assert.deepEqual(await bed.locks(), []);
});

test("nobody can release a running execute by naming its owner", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const result = await locking.execute("k", async (_, lock) => {
    const released = await locking.release("k", { ownerId: lock.ownerId }).catch((error) => error);
    // Both a refusal and `false` are fine, but the lock must stay.
    assert.notEqual(released, true);
    assert.equal(await bed.owner(`${NS}k`), lock.ownerId);
    return "done";
  });
  assert.equal(result, "done");
});

test("a number is an owner, as text", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: 42 });
  assert.equal(await bed.owner(`${NS}k`), "42");
  assert.equal(await locking.release("k", { ownerId: "42" }), true);
});

test("owners that are neither strings nor numbers are refused", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  for (const ownerId of [Number.NaN, true, {}, [], Symbol("o"), 5n, () => "o"]) {
    await refused(locking.acquire("k", { ownerId }), INVALID);
    await refused(locking.release("k", { ownerId }), INVALID);
  }
  assert.deepEqual(await bed.locks(), []);
});

test("an owner's name is not a pattern in releaseAll", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("a", { ownerId: "me" });
  await locking.acquire("b", { ownerId: "m*" });
  await locking.releaseAll({ ownerId: "m*" });
  assert.deepEqual(await bed.owners(), { [`${NS}a`]: "me" });
});
