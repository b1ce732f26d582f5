// A slot on its way to another master. Its keys are still at the old master, which refers every question about a missing key to the new one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deferred, NS, until } from "../support/testbed.mjs";
import { openClusterBed } from "./support.mjs";

const bed = openClusterBed({ replicas: 0 });

const waits = (key) => until("it waits", async () => (await bed.cluster.keys()).some((name) => name.endsWith(`w:${NS}${key}`)));

test("a lock goes to the only waiter of another instance, and its release is no loss", async () => {
  const instances = [await bed.boot(), await bed.boot()];
  const order = [];
  const end = deferred();
  const first = instances[0].locking.execute("k", () => end.promise, { timeout: 30 });
  await until("the first runs", () => bed.owner("k"));
  const second = instances[1].locking.execute("k", async () => order.push("second"), { timeout: 30 });
  await waits("k");
  await bed.moveAway("k", async () => {
    end.resolve("done");
    await until("the second runs", () => order.length > 0);
  });
  assert.equal(await first, "done");
  await second;
  await until("no lock is left", async () => (await bed.locks()).length === 0);
});

test("a lock goes on within one instance, until each of its calls has had it", async () => {
  const { locking } = await bed.boot();
  const order = [];
  const end = deferred();
  const first = locking.execute("k", () => end.promise, { timeout: 30 });
  await until("the first runs", () => bed.owner("k"));
  const others = [1, 2, 3].map((name) => locking.execute("k", async () => sleep(20, order.push(name)), { timeout: 30 }));
  await waits("k");
  await bed.moveAway("k", async () => {
    end.resolve("done");
    await until("the next runs", () => order.length > 0);
  });
  assert.equal(await first, "done");
  await Promise.all(others);
  // Calls that are under way when the slot moves may change places with calls that are redirected meanwhile.
  assert.deepEqual(order.sort(), [1, 2, 3]);
  await until("no lock is left", async () => (await bed.locks()).length === 0);
});

test("while two nodes name each other for a slot, a call ends at its limit and says why", async () => {
  const { locking } = await bed.boot();
  const slot = String(await bed.cluster.slotOf(`${NS}k`));
  const owner = await bed.cluster.masterOfSlot(slot);
  const other = bed.cluster.masters.find((node) => node !== owner);
  const [ownerId, otherId] = [await owner.cli("CLUSTER", "MYID"), await other.cli("CLUSTER", "MYID")];
  await owner.cli("CLUSTER", "SETSLOT", slot, "NODE", otherId);
  await assert.rejects(
    locking.execute("k", async () => {}, { timeout: 2 }),
    ({ code, cause }) => code === "LOCK_TIMEOUT" && String(cause).includes(`in a row: slot ${slot} `),
  );
  await owner.cli("CLUSTER", "SETSLOT", slot, "NODE", ownerId);
  assert.equal(await locking.execute("k", async () => "done", { timeout: 30 }), "done");
});
