// The option maximumLeaseMs: the time for which the locks of a dead process stay.

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { messageOf } from "../support/children.mjs";
import { NS, openTestbed, until } from "../support/testbed.mjs";

const bed = openTestbed();

test("a job's lease is no longer than the option says, and is renewed for as long as the job runs", async () => {
  const { locking } = await bed.boot({ maximumLeaseMs: 1_000 });
  await locking.execute(
    "k",
    async (_signal, lock) => {
      assert.ok((await bed.pttl(`${NS}k`)) <= 1_000);
      await sleep(2_500);
      lock.assertHeld();
      assert.match(await bed.owner(`${NS}k`), /^execute:/);
    },
    { expire: 60 },
  );
  assert.deepEqual(await bed.locks(), []);
});

test("so is the lease of acquire with renew; a lease that nobody renews is as long as it was asked for", async () => {
  const { locking } = await bed.boot({ maximumLeaseMs: 2_000 });
  await locking.acquire("renewed", { ownerId: "me", expire: 60, renew: true });
  await locking.acquire("plain", { ownerId: "me", expire: 60 });
  assert.ok((await bed.pttl(`${NS}renewed`)) <= 2_000);
  assert.ok((await bed.pttl(`${NS}plain`)) > 50_000);
  await locking.releaseAll({ ownerId: "me" });
});

test("the lock of a process that was killed is free after that time, whatever its lease was to be", async () => {
  const holder = fork(fileURLToPath(new URL("./holder.mjs", import.meta.url)), [bed.url, NS]);
  await messageOf(holder);
  assert.ok((await bed.pttl(`${NS}k`)) <= 2_000);
  holder.kill("SIGKILL");
  await once(holder, "exit");
  await until("the lock is free", async () => (await bed.owner(`${NS}k`)) === null);
  const { locking } = await bed.boot();
  assert.equal(await locking.execute("k", async () => "served"), "served");
});
