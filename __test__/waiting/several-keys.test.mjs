import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { NS, openTestbed, refused, until } from "../support/testbed.mjs";
import { startWaiters, untilWaiting, waitingClients } from "./support.mjs";

const bed = openTestbed();

test("many callers of several instances take sets of keys in any order without a deadlock", async () => {
  const instances = [await bed.boot(), await bed.boot(), await bed.boot()];
  const keys = ["a", "b", "c", "d", "e"];
  const inside = new Map(keys.map((key) => [key, 0]));
  let jobs = 0;
  const callers = Array.from({ length: 30 }, async (_, caller) => {
    for (let count = 0; count < 20; count += 1) {
      const first = (caller + count) % 5;
      const set = [keys[first], keys[(first + 1 + (count % 4)) % 5], keys[(first + caller) % 5]];
      await instances[caller % 3].locking.execute(set, async () => {
        for (const key of new Set(set)) inside.set(key, inside.get(key) + 1);
        await new Promise(setImmediate);
        for (const key of new Set(set)) {
          assert.equal(inside.get(key), 1, `two jobs at once on ${key}`);
          inside.set(key, 0);
        }
        jobs += 1;
      });
    }
  });
  await Promise.all(callers);
  assert.equal(jobs, 600);
  assert.deepEqual(await bed.locks(), []);
});

test("keys held while another is waited for are kept for longer than the 5 s for which they are taken", async () => {
  const { locking } = await bed.boot();
  const keys = ["a", "b", "c", "d"];
  await locking.acquire(keys, { ownerId: "holder", expire: 60 });
  const call = locking.acquire(keys, { ownerId: "waiter", awaitQueue: true, expire: 60, timeout: 60 });
  // The holder frees one key after the other, each when the call waits for it, except the last key.
  for (let taken = 0; taken < 3; taken += 1) {
    const key = await until("it waits", async () => {
      for (const one of keys) if ((await bed.owner(`${NS}${one}`)) === "holder" && (await waitingClients(bed, one)) === 1) return one;
      return undefined;
    });
    await locking.release(key, { ownerId: "holder" });
  }
  const mine = async () => Object.values(await bed.owners()).filter((owner) => owner === "waiter").length;
  await until("three are taken", async () => (await mine()) === 3);
  await sleep(6_500);
  assert.equal(await mine(), 3);
  await locking.releaseAll({ ownerId: "holder" });
  await call;
  assert.equal(await mine(), 4);
});

test("a try for several keys of which one is held leaves nothing locked", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("b", { ownerId: "holder", expire: 60 });
  await refused(locking.acquire(["c", "b", "a"], { ownerId: "other", expire: 60 }), {
    code: "LOCK_NOT_ACQUIRED",
    message: 'Failed to acquire lock for key "b"',
  });
  assert.deepEqual(await bed.owners(), { "medusa_lock:b": "holder" });
});

test("a key that a killed process held while it waited for another one is free after its short lease", async () => {
  const { locking } = await bed.boot();
  const keys = ["a", "b", "c", "d"];
  for (const taken of keys) {
    await locking.acquire(taken, { ownerId: "holder", expire: 60 });
    const { child } = await startWaiters(bed, { key: keys, waiters: 1 });
    await untilWaiting(bed, taken, 1);
    child.kill("SIGKILL");
    await once(child, "exit");
    await locking.release(taken, { ownerId: "holder" });
    await locking.acquire(keys, { ownerId: "next", awaitQueue: true, expire: 60, timeout: 30 });
    await locking.releaseAll({ ownerId: "next" });
  }
});
