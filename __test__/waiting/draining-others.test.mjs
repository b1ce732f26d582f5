// A shutdown does not wait for locks of acquire, and does not need a clock that runs.

import assert from "node:assert/strict";
import test from "node:test";
import { deferred, HANG_GUARD_MS, NS, openTestbed, refused } from "../support/testbed.mjs";

const bed = openTestbed();

/** Longer than a test may take, so a test that waits for it fails. */
const FOR_EVER = { drainTimeoutMs: 10 * HANG_GUARD_MS };

test("shutdown does not wait for renewed locks of acquire, which end two seconds later", { timeout: HANG_GUARD_MS }, async () => {
  const booted = await bed.boot(FOR_EVER);
  await booted.locking.acquire("k", { ownerId: "me", expire: 60, renew: true });
  await booted.shutdown();
  const left = await bed.pttl(`${NS}k`);
  assert.ok(left > 0 && left <= 2_000, `${left} ms left`);
});

test("shutdown waits for a job beside such a lock", { timeout: HANG_GUARD_MS }, async () => {
  const booted = await bed.boot(FOR_EVER);
  await booted.locking.acquire("k", { ownerId: "me", expire: 60, renew: true });
  const [held, end] = [deferred(), deferred()];
  const done = booted.locking.execute("job", () => {
    held.resolve();
    return end.promise;
  });
  await held.promise;
  let closed = false;
  const down = booted.shutdown().then(() => {
    closed = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(closed, false);
  end.resolve("done");
  assert.equal(await done, "done");
  await down;
});

test("shutdown ends under a clock that stands still", { timeout: HANG_GUARD_MS }, async (t) => {
  const booted = await bed.boot({ drainTimeoutMs: 200 });
  const held = deferred();
  const end = deferred();
  const job = booted.locking.execute("k", () => {
    held.resolve();
    return end.promise;
  });
  const told = refused(job, { code: "LOCK_LOST" });
  await held.promise;
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "setImmediate", "Date"] });
  await booted.shutdown();
  t.mock.timers.reset();
  end.resolve();
  await told;
});

test("a provider that is booted under a clock that stands still ends, too", { timeout: HANG_GUARD_MS }, async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "setImmediate", "Date"] });
  const booted = await bed.boot({ drainTimeoutMs: 200 });
  const job = booted.locking.execute("k", async () => "ran");
  assert.equal(await job, "ran");
  await booted.shutdown();
  t.mock.timers.reset();
});
