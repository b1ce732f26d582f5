// Medusa ends the application. It tells its modules, but not their providers. Ours notices the end all the same.

import assert from "node:assert/strict";
import test from "node:test";
import { deferred, HANG_GUARD_MS, NS, OURS_ONLY, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();

const LIMITED = { ...OURS_ONLY, timeout: HANG_GUARD_MS };

/** Starts a job that runs until `end` is called. */
async function run({ locking }, key) {
  const [held, end] = [deferred(), deferred()];
  const done = locking.execute(key, () => {
    held.resolve();
    return end.promise;
  });
  done.catch(() => {});
  await held.promise;
  return { done, end: () => end.resolve("done") };
}

test("jobs that run when the application ends are waited for, and those that wait are told", LIMITED, async () => {
  const booted = await bed.boot({ drainTimeoutMs: 10 * HANG_GUARD_MS });
  const job = await run(booted, "k");
  const waiting = refused(
    booted.locking.execute("k", () => assert.fail("the job ran")),
    { code: "PROVIDER_CLOSED" },
  );
  let over = false;
  const ended = booted.endApplication().then(() => {
    over = true;
  });
  await waiting;
  assert.equal(over, false, "the job still runs");
  assert.ok(await bed.owner(`${NS}k`));
  job.end();
  assert.equal(await job.done, "done");
  await ended;
  assert.deepEqual(await bed.locks(), []);
  await refused(booted.locking.acquire("k"), { code: "PROVIDER_CLOSED" });
});

test("the application ends after drainTimeoutMs although a job runs, which is told", LIMITED, async () => {
  const booted = await bed.boot({ drainTimeoutMs: 100 });
  const job = await run(booted, "k");
  await booted.endApplication();
  job.end();
  await refused(job.done, { code: "LOCK_LOST" });
});

test("a second notice that the application ends waits for the same end", LIMITED, async () => {
  const booted = await bed.boot({ drainTimeoutMs: 10 * HANG_GUARD_MS });
  const job = await run(booted, "k");
  const over = [];
  const ends = [1, 2].map((time) => booted.endApplication().then(() => over.push(time)));
  await refused(booted.locking.acquire("other"), { code: "PROVIDER_CLOSED" });
  assert.deepEqual(over, []);
  job.end();
  await Promise.all(ends);
  assert.equal(await job.done, "done");
});

test("an application that ends twice, or after its provider was shut down, ends", LIMITED, async () => {
  const booted = await bed.boot();
  await booted.locking.execute("k", async () => {});
  await booted.endApplication();
  await booted.endApplication();
  await booted.shutdown();
  const other = await bed.boot();
  await other.shutdown();
  await other.endApplication();
});

test("all that was booted ends, and its connections are closed", LIMITED, async () => {
  const clients = async () => (await bed.command("CLIENT", "LIST")).trim().split("\n").length;
  const before = await clients();
  const boots = [await bed.boot(), await bed.boot()];
  for (const { locking } of boots) await locking.execute("k", async () => {});
  await boots[1].endApplication();
  await until("no more connections are left than before", async () => (await clients()) <= before);
});
