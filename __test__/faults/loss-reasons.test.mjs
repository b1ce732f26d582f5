// The cause of LOCK_LOST names the reason. The message of the job's error is always the official package's.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { block, deferred, NS, OURS_ONLY, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();
const MESSAGE =
  'Lost the lock for key(s) "k" while the job was still running: the lease expired before it could be renewed. Increase "expire" if the job is expected to run this long.';

test("deleted", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const lost = locking.execute(
    "k",
    async (signal) => {
      await bed.command("DEL", `${NS}k`);
      await until("the loss is told", () => signal.aborted);
    },
    { expire: 1 },
  );
  const { cause } = await refused(lost, { code: "LOCK_LOST", message: MESSAGE });
  assert.match(cause.message, /Redis does not have it any more as this hold's/);
});

test("a loss that comes with the lock itself is told to whoever gets the lock", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const [held, lost] = [deferred(), deferred()];
  const taken = locking.acquire("k", { ownerId: "me", expire: 1, onHeld: held.resolve, onLost: lost.resolve });
  // The background thread takes the lock, and the lease ends, before JavaScript hears of either.
  block(2_200);
  await taken;
  const lock = await held.promise;
  assert.equal(lock.ownerId, "me");
  const { code, keys } = await lost.promise;
  assert.deepEqual([code, keys], ["LOCK_LOST", ["k"]]);
  assert.throws(() => lock.assertHeld(), { code: "LOCK_LOST" });
});

/** Deletes the lock while the event loop is blocked, so that this process does not hear of it. */
function deleteMeanwhile() {
  const { hostname, port } = new URL(bed.url);
  const code = `require("node:net").connect(${port}, "${hostname}").on("data", () => process.exit()).write("DEL ${NS}k\\r\\n")`;
  const { status } = spawnSync(process.execPath, ["-e", code], { timeout: 10_000 });
  assert.equal(status, 0);
}

test("deleted while the event loop stands still, whether the job looks at its lock or not", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const looking = locking.execute(
    "k",
    async (_signal, lock) => {
      deleteMeanwhile();
      block(2_500);
      assert.throws(
        () => lock.assertHeld(),
        ({ cause }) => /Redis does not have it any more/.test(cause.message),
      );
    },
    { expire: 6 },
  );
  await refused(looking, { code: "LOCK_LOST", message: MESSAGE });
  const blind = locking.execute(
    "k",
    async () => {
      deleteMeanwhile();
      block(2_500);
    },
    { expire: 6 },
  );
  const { cause } = await refused(blind, { code: "LOCK_LOST", message: MESSAGE });
  assert.match(cause.message, /Redis does not have it any more as this hold's/);
});

test("the event loop was stuck for too long, whether the job looks at its lock or not", OURS_ONLY, async () => {
  const booted = await bed.boot({ maximumStallMs: 200 });
  const looking = booted.locking.execute(
    "k",
    async (_signal, lock) => {
      block(2_000);
      assert.throws(() => lock.assertHeld(), { code: "LOCK_LOST" });
    },
    { expire: 1 },
  );
  const told = await refused(looking, { code: "LOCK_LOST", message: MESSAGE });
  assert.match(told.cause.message, /event loop has been stuck for \d+ s, longer than maximumStallMs allows/);
  const blind = await refused(
    booted.locking.execute("k", async () => block(2_000), { expire: 1 }),
    { code: "LOCK_LOST", message: MESSAGE },
  );
  assert.match(blind.cause.message, /event loop has been stuck for \d+ s, longer than maximumStallMs allows/);
});
