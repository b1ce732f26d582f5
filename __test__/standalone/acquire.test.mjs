import assert from "node:assert/strict";
import test from "node:test";
import { isPending, NS, refused, until } from "../support/testbed.mjs";
import { openLocks } from "./support.mjs";

const { bed, client } = openLocks();

test("a lock of acquire is held until its release, which says whether it still was", async () => {
  const locks = client();
  const lock = await locks.acquire("k");
  assert.equal(await bed.owner(`${NS}k`), lock.ownerId);
  lock.assertHeld();
  assert.equal(await lock.release(), true);
  assert.deepEqual(await bed.locks(), []);
  assert.throws(() => lock.assertHeld(), { code: "LOCK_RELEASED" });
  assert.equal(await lock.release(), true);
});

test("the release of a lock that somebody deleted is false", async () => {
  const lock = await client().acquire("k");
  await bed.command("DEL", `${NS}k`);
  assert.equal(await lock.release(), false);
});

test("each acquire is a hold of its own, also in one client", async () => {
  const locks = client();
  const first = await locks.acquire("k");
  await refused(locks.acquire("k", { waitMs: 50 }), { code: "LOCK_TIMEOUT" });
  const second = locks.acquire("k", { waitMs: Number.POSITIVE_INFINITY });
  assert.ok(await isPending(second));
  await first.release();
  assert.notEqual((await second).ownerId, first.ownerId);
});

test("an owner that is named gets its lock again", async () => {
  const locks = client();
  const [first, again] = [await locks.acquire("k", { owner: "me" }), await locks.acquire("k", { owner: "me" })];
  assert.equal(first.ownerId, "me");
  assert.equal(again.fencingToken, first.fencingToken);
  assert.equal(await again.release(), true);
  assert.throws(() => first.assertHeld(), { code: "LOCK_RELEASED" });
});

test("tryAcquire gives the lock, or undefined at once when another holds a key", async () => {
  const [one, other] = [client(), client()];
  const lock = await one.tryAcquire("k");
  assert.equal(await other.tryAcquire(["j", "k"]), undefined);
  assert.deepEqual(Object.keys(await bed.owners()), [`${NS}k`]);
  await lock.release();
  assert.ok(await other.tryAcquire("k"));
});

test("tryAcquire with waitMs waits in the queue before it gives up", async () => {
  const locks = client();
  const lock = await locks.acquire("k");
  const trying = locks.tryAcquire("k", { waitMs: 60_000 });
  assert.ok(await isPending(trying));
  await lock.release();
  assert.ok(await trying);
  assert.equal(await locks.tryAcquire("k", { waitMs: 20 }), undefined);
});

test("a lock of acquire is renewed until its release", async () => {
  const lock = await client().acquire("k", { leaseMs: 1_000 });
  await bed.renewals(`${NS}k`);
  lock.assertHeld();
});

test("maximumLeaseMs cuts the leases that are renewed, and no others", async () => {
  const locks = client({ maximumLeaseMs: 1_000 });
  const [renewed, fixed] = [await locks.acquire("renewed"), await locks.acquire("fixed", { renew: false })];
  assert.ok((await bed.pttl(`${NS}renewed`)) <= 1_000);
  await renewed.extend(60_000);
  assert.ok((await bed.pttl(`${NS}renewed`)) <= 1_000);
  assert.ok(fixed.remainingMs() > 1_000);
});

test("without renew the lock ends by itself, and its signal tells", async () => {
  const lock = await client().acquire("k", { renew: false, leaseMs: 1_000 });
  await until("it is over", () => lock.signal.aborted);
  assert.throws(() => lock.assertHeld(), { code: "LOCK_LOST" });
  await refused(lock.extend(5_000), { code: "LOCK_LOST" });
  await until("Redis has freed it", async () => (await bed.owner(`${NS}k`)) === null);
  assert.equal(await lock.release(), false);
});

test("extend makes a lock last longer, under the same number, past its first end", async () => {
  const lock = await client().acquire("k", { renew: false, leaseMs: 1_000 });
  const { fencingToken } = lock;
  await lock.extend(3_000);
  assert.ok(lock.remainingMs() > 1_000);
  await until("the first end is past", async () => (await bed.pttl(`${NS}k`)) < 1_800);
  lock.assertHeld();
  assert.equal(lock.fencingToken, fencingToken);
  assert.equal(lock.signal.aborted, false);
  await until("the new end comes", () => lock.signal.aborted);
  await until("Redis has freed it", async () => (await bed.owner(`${NS}k`)) === null);
});

test("extend by less than is left changes nothing", async () => {
  const lock = await client().acquire("k", { renew: false, leaseMs: 60_000 });
  await lock.extend(1_000);
  assert.ok(lock.remainingMs() > 1_000);
  assert.ok((await bed.pttl(`${NS}k`)) > 1_000);
});

test("a lock that is extended hears that it was taken away", async () => {
  const lock = await client().acquire("k", { leaseMs: 1_000 });
  await lock.extend(1_500);
  await bed.command("DEL", `${NS}k`);
  await until("its signal aborts", () => lock.signal.aborted);
  assert.equal(lock.signal.reason.code, "LOCK_LOST");
});

test("extend never takes a lost lock anew: it is LOCK_LOST, and the key stays free or another's", async () => {
  const [one, other] = [client(), client()];
  const gone = await one.acquire("k");
  await bed.command("DEL", `${NS}k`);
  await refused(gone.extend(), { code: "LOCK_LOST" });
  await until("nothing is locked", async () => (await bed.owner(`${NS}k`)) === null);
  const theirs = await other.acquire("k");
  const late = await one.acquire("j");
  await bed.command("DEL", `${NS}j`);
  const third = await other.acquire("j");
  await refused(late.extend(), { code: "LOCK_LOST" });
  theirs.assertHeld();
  assert.equal(await bed.owner(`${NS}j`), third.ownerId);
});

test("extend of a lost lock leaves a later lock of the same owner alone", async () => {
  const [one, other] = [client(), client()];
  const lost = await one.acquire("k", { owner: "x" });
  await bed.command("DEL", `${NS}k`);
  const later = await other.acquire("k", { owner: "x" });
  await refused(lost.extend(), { code: "LOCK_LOST" });
  // The next command of the same client runs after everything that extend has sent.
  assert.equal(await one.tryAcquire("k", { owner: "y" }), undefined);
  later.assertHeld();
  assert.equal(await bed.owner(`${NS}k`), "x");
  assert.equal(lost.signal.aborted, true);
});

test("extend after the release is LOCK_RELEASED, and takes nothing", async () => {
  const lock = await client().acquire("k");
  await lock.release();
  await refused(lock.extend(), { code: "LOCK_RELEASED" });
  assert.deepEqual(await bed.locks(), []);
});

test("await using releases the lock, also if it was released before", async () => {
  const lock = await client().acquire("k");
  await lock[Symbol.asyncDispose]();
  assert.deepEqual(await bed.locks(), []);
  await lock[Symbol.asyncDispose]();
});

test("a signal withdraws the wait", async () => {
  const locks = client();
  await locks.acquire("k");
  const controller = new AbortController();
  const waiting = locks.acquire("k", { signal: controller.signal });
  assert.ok(await isPending(waiting));
  controller.abort();
  assert.equal(await refused(waiting, {}), controller.signal.reason);
});

const BAD_CALLS = {
  "an option that there is not": [
    ["k", { lease: 1_000 }],
    'there is no option "lease". The options are: waitMs, leaseMs, signal, label, renew, owner.',
  ],
  "Medusa's word for the owner": [
    ["k", { ownerId: "me" }],
    'there is no option "ownerId". Here it is "owner", for acquire and tryAcquire. The options are: waitMs, leaseMs, signal, label, renew, owner.',
  ],
  "a list of options": [["k", []], "the options must be an object, got an array."],
  "no key": [[[]], "there must be at least one key, got an empty list."],
  "an owner that is no text": [["k", { owner: {} }], '"owner" must be a string, got an object.'],
  "a renew that is neither true nor false": [["k", { renew: "no" }], '"renew" must be true or false, got a string.'],
};
for (const [what, [args, message]] of Object.entries(BAD_CALLS)) {
  test(`${what} is refused with one clear line`, async () => {
    await refused(client().acquire(...args), { code: "INVALID_ARGUMENT", message });
  });
}
