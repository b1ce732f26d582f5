import assert from "node:assert/strict";
import test from "node:test";
import { openTestbed, refused, until } from "../support/testbed.mjs";
import { untilWaiting, waitingClients } from "./support.mjs";

const bed = openTestbed();
const NOT_ACQUIRED = { code: "LOCK_NOT_ACQUIRED", message: 'Failed to acquire lock for key "k"' };

test("with tryWaitMs an acquire that would be refused waits for the key", async () => {
  const { locking } = await bed.boot({ tryWaitMs: 20_000 });
  await locking.acquire("k", { ownerId: "one", expire: 60 });
  const second = locking.acquire("k", { ownerId: "two", expire: 60 });
  await untilWaiting(bed, "k", 1);
  await locking.release("k", { ownerId: "one" });
  await second;
  assert.deepEqual(await bed.owners(), { "medusa_lock:k": "two" });
});

test("after tryWaitMs in vain it is refused with the official text, and nobody waits any more", async () => {
  const { locking } = await bed.boot({ tryWaitMs: 50 });
  await locking.acquire("k", { ownerId: "one", expire: 60 });
  await refused(locking.acquire("k", { ownerId: "two", expire: 60 }), NOT_ACQUIRED);
  await until("nobody waits", async () => (await waitingClients(bed, "k")) === 0);
  assert.deepEqual(await bed.owners(), { "medusa_lock:k": "one" });
});

test("without tryWaitMs nobody waits", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "one", expire: 60 });
  await refused(locking.acquire("k", { ownerId: "two", expire: 60 }), NOT_ACQUIRED);
  assert.equal(await waitingClients(bed, "k"), 0);
});
