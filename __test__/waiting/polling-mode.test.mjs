import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { OFFICIAL } from "../../harness/installed.mjs";
import { NS, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

/** Boots an instance whose user may not use the channels. */
async function bootPolling() {
  await bed.command("ACL", "SETUSER", "deaf", "on", ">pw", `~${NS}*`, "~mlr!*", "resetchannels", "+@all");
  return bed.boot({ redisUrl: `redis://deaf:pw@127.0.0.1:${bed.server.port}` });
}

/** Callers of all instances take one key again and again for a while. Returns the jobs and the time-outs of each instance. */
async function share(instances, { ms, callers, job }) {
  const end = Date.now() + ms;
  let inside = 0;
  const results = instances.map(() => ({ jobs: 0, timeouts: 0 }));
  const call = async (booted, result) => {
    while (Date.now() < end) {
      await booted.locking
        .execute(
          "k",
          async () => {
            inside += 1;
            assert.equal(inside, 1, "two jobs at once");
            await job();
            inside -= 1;
            result.jobs += 1;
          },
          { timeout: 5 },
        )
        .catch((error) => {
          assert.match(error.message, /Timed-out acquiring lock/);
          result.timeouts += 1;
        });
    }
  };
  await Promise.all(instances.flatMap((booted, at) => Array.from({ length: callers }, () => call(booted, results[at]))));
  return results;
}

test("a user without a right to the channels polls, is served, and the log says so once", async () => {
  const { locking, logs } = await bootPolling();
  await locking.acquire("k", { ownerId: "holder", expire: 60 });
  const waits = locking.execute(["k", "l"], async (_signal, lock) => Object.keys(lock.fencingTokens));
  await sleep(50);
  await locking.release("k", { ownerId: "holder" });
  assert.deepEqual(await waits, ["k", "l"]);
  const told = logs.filter((line) => line.level === "warn");
  assert.equal(told.length, 1);
  assert.match(told[0].text, /asking again and again.*channels "mlr!\*"/s);
});

test("instances that are told and instances that poll exclude each other, and both are served", async () => {
  const instances = [await bed.boot(), await bootPolling()];
  // If all poll, chance decides who gets the lock. With a third of this time, the first instance once had no job at all.
  const [told, polling] = await share(instances, { ms: 12_000, callers: 4, job: () => sleep(2) });
  assert.ok(told.jobs > 0 && polling.jobs > 0, JSON.stringify({ told, polling }));
  assert.deepEqual(await bed.locks(), []);
});

test("official callers get at least a twentieth of a busy key, and ours do not time out more often than they", async () => {
  const instances = [await bed.boot(), await bed.boot({}, { resolve: OFFICIAL })];
  const [ours, official] = await share(instances, { ms: 14_000, callers: 4, job: () => sleep(5) });
  const figures = JSON.stringify({ ours, official });
  assert.ok(official.jobs >= 0.05 * (ours.jobs + official.jobs), figures);
  // If all poll, chance decides who gets the lock. The numbers are small, so one or two more time-outs mean nothing.
  assert.ok(ours.timeouts <= official.timeouts + 2, figures);
});
