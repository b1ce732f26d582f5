import assert from "node:assert/strict";
import { test } from "node:test";
import { NS, OURS_ONLY, openTestbed, refused } from "../support/testbed.mjs";

const bed = openTestbed();

const taken = (key) => ({ message: `Failed to acquire lock for key "${key}"`, type: "conflict" });

test("acquire writes the owner under the namespaced key, without a time limit", async () => {
  const { locking } = await bed.boot();
  assert.equal(await locking.acquire("order_1", { ownerId: "worker-7" }), undefined);
  assert.deepEqual(await bed.locks(), [{ name: `${NS}order_1`, value: "worker-7", pttl: -1 }]);
});

test("acquire without an owner writes an asterisk", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("order_1");
  await locking.acquire("order_2", {});
  assert.deepEqual(await bed.owners(), { [`${NS}order_1`]: "*", [`${NS}order_2`]: "*" });
});

test("acquire takes expire in seconds, at least one", async () => {
  const { locking } = await bed.boot();
  const limits = { a: 10, b: 1, c: 0.2, d: -5, e: 3600 };
  for (const [key, expire] of Object.entries(limits)) await locking.acquire(key, { ownerId: "me", expire });
  for (const [key, expire] of Object.entries(limits)) {
    const most = Math.max(expire, 1) * 1000;
    const left = await bed.pttl(`${NS}${key}`);
    // On a busy machine, a lock of one second may be gone by now.
    assert.ok(left <= most && (left > most - 5000 || most === 1000), `expire ${expire}: ${left} ms left`);
    assert.notEqual(left, -1, `expire ${expire} set no limit`);
  }
});

test("acquire without expire, with 0 or NaN sets no time limit", async () => {
  const { locking } = await bed.boot();
  for (const [key, expire] of [
    ["a", undefined],
    ["b", 0],
    ["c", Number.NaN],
    ["d", null],
  ]) {
    await locking.acquire(key, { ownerId: "me", expire });
    assert.equal(await bed.pttl(`${NS}${key}`), -1, `expire ${expire}`);
  }
});

test("a key that another owner holds is refused and stays as it is", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "first", expire: 100 });
  await refused(locking.acquire("k", { ownerId: "second", expire: 5 }), taken("k"));
  await refused(locking.acquire("k"), taken("k"));
  assert.equal(await bed.owner(`${NS}k`), "first");
  assert.ok((await bed.pttl(`${NS}k`)) > 50_000);
});

test("the refusal carries the code LOCK_NOT_ACQUIRED", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "first" });
  const error = await refused(locking.acquire("k", { ownerId: "second" }), { ...taken("k"), code: "LOCK_NOT_ACQUIRED" });
  assert.deepEqual(error.keys, ["k"]);
});

test("the same owner may acquire again and gets the new time limit", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "me", expire: 5 });
  await locking.acquire("k", { ownerId: "me", expire: 500 });
  assert.ok((await bed.pttl(`${NS}k`)) > 400_000);
  await locking.acquire("k", { ownerId: "me", expire: 20 });
  assert.ok((await bed.pttl(`${NS}k`)) <= 20_000);
  await locking.acquire("k", { ownerId: "me" });
  assert.equal(await bed.pttl(`${NS}k`), -1);
  assert.equal(await bed.owner(`${NS}k`), "me");
});

test("the asterisk is nobody: it is not its own owner a second time", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { expire: 100 });
  await refused(locking.acquire("k"), taken("k"));
  await refused(locking.acquire("k", { ownerId: "*", expire: 500 }), taken("k"));
  await refused(locking.acquire("k", { ownerId: "*" }), taken("k"));
  assert.ok((await bed.pttl(`${NS}k`)) <= 100_000);
});

test("acquire takes several keys", async () => {
  const { locking } = await bed.boot();
  await locking.acquire(["a", "b", "c"], { ownerId: "me", expire: 60 });
  assert.deepEqual(await bed.owners(), { [`${NS}a`]: "me", [`${NS}b`]: "me", [`${NS}c`]: "me" });
  for (const { name, pttl } of await bed.locks()) assert.ok(pttl > 0 && pttl <= 60_000, name);
});

test("acquire of no key at all does nothing", async () => {
  const { locking } = await bed.boot();
  assert.equal(await locking.acquire([], { ownerId: "me" }), undefined);
  assert.deepEqual(await bed.locks(), []);
});

test("several keys are all or nothing, wherever the held one stands", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  for (const keys of [
    ["held", "x", "y"],
    ["x", "held", "y"],
    ["x", "y", "held"],
  ]) {
    await locking.acquire("held", { ownerId: "other" });
    await refused(locking.acquire(keys, { ownerId: "me", expire: 60 }), taken("held"));
    assert.deepEqual(await bed.owners(), { [`${NS}held`]: "other" });
    await locking.release("held", { ownerId: "other" });
  }
});

test("a refused call on several keys leaves what its owner held before as it was", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("mine", { ownerId: "me", expire: 900 });
  await locking.acquire("theirs", { ownerId: "other" });
  await refused(locking.acquire(["mine", "free", "theirs"], { ownerId: "me", expire: 5 }), taken("theirs"));
  assert.deepEqual(await bed.owners(), { [`${NS}mine`]: "me", [`${NS}theirs`]: "other" });
  assert.ok((await bed.pttl(`${NS}mine`)) > 800_000);
});

test("several keys of which the owner holds some already are extended together", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("a", { ownerId: "me", expire: 5 });
  await locking.acquire(["a", "b"], { ownerId: "me", expire: 700 });
  for (const { name, value, pttl } of await bed.locks()) {
    assert.equal(value, "me");
    assert.ok(pttl > 600_000, `${name} has ${pttl} ms left`);
  }
});

test("a key named twice in one call is taken once, also without an owner", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire(["k", "k", "other", "k"], { expire: 60 });
  assert.deepEqual(await bed.owners(), { [`${NS}k`]: "*", [`${NS}other`]: "*" });
  assert.equal(await locking.release(["k", "other"]), true);
});

test("a lock whose time is up is free for others", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "first", expire: 3600 });
  // The lease ends at once instead of after an hour.
  await bed.command("PEXPIRE", `${NS}k`, 1);
  await locking.acquire("other", { ownerId: "first" });
  await new Promise((resolve) => setTimeout(resolve, 20));
  await locking.acquire("k", { ownerId: "second" });
  assert.equal(await bed.owner(`${NS}k`), "second");
});

test("a lock that somebody deleted by hand can be taken by anybody", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "first", expire: 60 });
  await bed.command("DEL", `${NS}k`);
  await locking.acquire("k", { ownerId: "second", expire: 60 });
  assert.equal(await bed.owner(`${NS}k`), "second");
  assert.equal(await locking.release("k", { ownerId: "first" }), false);
  assert.equal(await bed.owner(`${NS}k`), "second");
});

test("owners are told apart by every byte", async () => {
  const { locking } = await bed.boot();
  for (const [key, first, second] of [
    ["a", "me", "me "],
    ["b", "Me", "me"],
    ["c", "", "*"],
    ["d", "ä", "a\u0308"],
    ["e", "1", "01"],
  ]) {
    await locking.acquire(key, { ownerId: first });
    await refused(locking.acquire(key, { ownerId: second }), taken(key));
    assert.equal(await bed.owner(`${NS}${key}`), first);
  }
});
