// Another server becomes the master, because the Sentinels want it or because the old master was killed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { RecordedLoad } from "../support/recorded-load.mjs";
import { deferred, NS, OURS_ONLY, openTestbed, until } from "../support/testbed.mjs";
import { asking, openGroup, takesALockOnTheMaster } from "./support.mjs";

const bed = openTestbed();
const group = await openGroup();

/** Boots a provider that asks the group. */
function boot(redisOptions) {
  return bed.boot(asking(group, redisOptions));
}

/** Starts a job under a lock and waits until it runs. */
async function startJob({ locking }, key, args) {
  const [running, end] = [deferred(), deferred()];
  const done = locking.execute(
    key,
    async (_signal, lock) => {
      running.resolve(lock);
      await end.promise;
      lock.assertHeld();
      return "done";
    },
    args,
  );
  return { lock: await running.promise, end: end.resolve, done };
}

test("with failoverDetector locks and waiters move to the new master at once, and leases go on there", OURS_ONLY, async () => {
  const boots = [await boot({ failoverDetector: true }), await boot({ failoverDetector: true })];
  await until("they listen", async () => (await group.listeners()) === 6);
  const job = await startJob(boots[0], "held", { expire: 3, timeout: 5 });
  const waiting = boots[1].locking.execute("held", async () => "waited", { timeout: 60 });
  const old = await group.failOver();
  for (const booted of boots) {
    await until("the switch is told", () =>
      /The connection to Redis was lost \(Sentinel .* says that the master is another\)/.test(booted.logText),
    );
  }
  // Twice as long as the lease.
  await sleep(6_000);
  assert.ok(job.lock.remainingMs() > 0);
  const master = await group.master();
  assert.notEqual(master.port, old.port);
  // A Sentinel ends the connections of a server whose role it has changed. The connection of this command may be among them.
  await until("the new master has the lock", async () => /^execute:/.test(await master.cli("GET", `${NS}held`).catch(() => "")));
  job.end();
  assert.deepEqual(await Promise.all([job.done, waiting]), ["done", "waited"]);
  await group.demoted(old);
});

test("without it, a demoted master is left when it is one no longer, and a job keeps its lock", OURS_ONLY, async () => {
  const boots = [await boot(), await boot()];
  const job = await startJob(boots[0], "held", { expire: 60, timeout: 5 });
  const waiting = boots[1].locking.execute("held", async () => "waited", { timeout: 60 });
  const old = await group.failOver();
  await group.demoted(old);
  for (const booted of boots) await takesALockOnTheMaster(booted, group);
  job.end();
  assert.deepEqual(await Promise.all([job.done, waiting]), ["done", "waited"]);
});

test("a master is killed: waiters go on, and new locks are granted by the next one", OURS_ONLY, async () => {
  const boots = [await boot(), await boot()];
  const load = new RecordedLoad(boots, { keys: ["hot"], callers: 6, jobMs: 2 });
  await until("it runs", () => load.jobs > 100);
  const killed = await group.killMaster();
  await group.movedFrom(killed);
  const before = load.jobs;
  await until("jobs run again", () => load.jobs > before + 100);
  await load.stop();
  assert.deepEqual([load.failures, load.violations()], [[], []]);
  await takesALockOnTheMaster(boots[0], group);
});

test("any of the Sentinels will do, and those that they name, too", OURS_ONLY, async () => {
  const booted = await boot({ sentinels: group.addresses.slice(0, 1) });
  await group.killSentinel(0);
  await (await group.master()).cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  await takesALockOnTheMaster(booted, group);
  await takesALockOnTheMaster(await boot(), group);
});
