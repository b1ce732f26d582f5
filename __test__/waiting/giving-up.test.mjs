import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openTestbed, refused, until } from "../support/testbed.mjs";
import { untilWaiting, waitingClients } from "./support.mjs";

const bed = openTestbed();

test("a waiter whose signal aborts leaves the queue at once, and the one behind it is served", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  await one.locking.acquire("k", { ownerId: "holder", expire: 60 });
  const abort = new AbortController();
  const reason = new Error("the customer went away");
  const first = one.locking.execute("k", async () => assert.fail("it was withdrawn"), { signal: abort.signal });
  await untilWaiting(bed, "k", 1);
  const second = other.locking.execute("k", async () => "served");
  await untilWaiting(bed, "k", 2);
  abort.abort(reason);
  await assert.rejects(first, (error) => error === reason);
  await until("it has left the queue", async () => (await waitingClients(bed, "k")) === 1);
  await one.locking.release("k", { ownerId: "holder" });
  assert.equal(await second, "served");
  assert.deepEqual(await bed.locks(), []);
});

test("a waiter keeps its place when another waiter of its client gives up", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "holder", expire: 60 });
  const abort = new AbortController();
  const first = locking.execute("k", async () => {}, { signal: abort.signal });
  await untilWaiting(bed, "k", 1);
  const second = locking.execute("k", async () => "served");
  await sleep(50);
  abort.abort();
  await assert.rejects(first, { name: "AbortError" });
  await locking.release("k", { ownerId: "holder" });
  assert.equal(await second, "served");
});

test("a withdrawal at any moment leaves nothing locked and nobody stranded", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  const settled = [];
  for (let round = 0; round < 40; round += 1) {
    const signal = AbortSignal.timeout(round % 8);
    const calls = [one, other].flatMap(({ locking }) => [
      locking.execute(["k", "l"], () => sleep(1), { signal }).catch((error) => assert.equal(error.name, "TimeoutError")),
      locking.execute("k", () => sleep(1)),
    ]);
    settled.push(...(await Promise.all(calls)));
  }
  assert.equal(settled.length, 160);
  assert.deepEqual(await bed.locks(), []);
  for (const key of ["k", "l"]) assert.equal(await waitingClients(bed, key), 0);
});

test("waiting for several keys, a withdrawal gives back those that were held meanwhile", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  const keys = ["a", "b", "c", "d", "e"];
  // The call takes all keys that come before the held one, wherever the held one stands in the order in which keys are taken.
  for (const taken of keys) {
    await one.locking.acquire(taken, { ownerId: "holder", expire: 60 });
    const abort = new AbortController();
    const call = other.locking.acquire(keys, { ownerId: "waiter", awaitQueue: true, expire: 60, signal: abort.signal });
    await untilWaiting(bed, taken, 1);
    abort.abort(new Error("enough"));
    await assert.rejects(call, /enough/);
    await until("all but one are free", async () => (await bed.locks()).length === 1);
    await one.locking.release(taken, { ownerId: "holder" });
  }
});

test("a wait that times out is told apart from a refusal", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "holder", expire: 60 });
  await refused(locking.acquire("k", { ownerId: "other", awaitQueue: true, timeout: 1 }), { code: "LOCK_TIMEOUT" });
  await refused(locking.acquire("k", { ownerId: "other" }), { code: "LOCK_NOT_ACQUIRED" });
  await until("nobody waits", async () => (await waitingClients(bed, "k")) === 0);
});
