// Redis stands still while a lock is given back. If a job ended inside its lease, it had its lock until its end, however late the answer comes.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startServer } from "../../harness/redis-servers.mjs";
import { STOPPED_SERVERS } from "../../harness/system.mjs";
import { NS, OURS_ONLY, openTestbed, refused, SERVER, until } from "../support/testbed.mjs";

const bed = openTestbed();

/** Much longer than the shortest lease, and shorter than any time limit of a connection. */
const PAUSE_MS = 2_500;

let server;
before(async () => {
  server = await startServer({ version: SERVER });
});
after(() => server.stop());

/** The ways in which a server stands still. Each resolves when the server stands still, with a function that wakes the server. */
const WAYS = {
  "a process that is stopped": async () => {
    await server.kill("SIGSTOP");
    return () => server.kill("SIGCONT");
  },
  "CLIENT PAUSE": async () => {
    await server.cli("CLIENT", "PAUSE", PAUSE_MS, "ALL");
    return () => {};
  },
};

const boot = () => bed.boot({ redisUrl: server.url });

for (const [way, standStill] of Object.entries(WAYS)) {
  const options = { skip: OURS_ONLY.skip || (way === "a process that is stopped" && STOPPED_SERVERS.skip) };
  /** Runs jobs that end while the server stands still, and wakes the server when their leases are over. */
  const jobsThatEnd = async (locking, keysOfEach, { job = async () => "done", expire = 1 } = {}) => {
    let wake;
    let begun = 0;
    let still;
    const all = new Promise((resolve) => {
      still = resolve;
    });
    const jobs = keysOfEach.map((keys) =>
      locking.execute(
        keys,
        async (signal, lock) => {
          begun += 1;
          if (begun === keysOfEach.length) {
            wake = await standStill();
            still();
          }
          await all;
          return job(signal, lock);
        },
        { expire },
      ),
    );
    await all;
    await sleep(PAUSE_MS);
    await wake();
    return jobs;
  };

  test(`a job that ends inside its lease has its result (${way})`, options, async () => {
    const { locking, logText } = await boot();
    const [job] = await jobsThatEnd(locking, ["k"]);
    assert.equal(await job, "done");
    assert.doesNotMatch(logText, /lost/i);
    await until("the lock is gone", async () => (await server.cli("EXISTS", `${NS}k`)) === 0);
  });

  test(`jobs of several keys and many jobs at once have their results (${way})`, options, async () => {
    const { locking } = await boot();
    const jobs = await jobsThatEnd(locking, [["a", "b"], ...Array.from({ length: 40 }, (_, at) => `k${at}`)]);
    assert.deepEqual([...new Set(await Promise.all(jobs))], ["done"]);
    await until("all locks are gone", async () => (await server.cli("KEYS", `${NS}*`)).length === 0);
  });

  test(`a job that goes on after its lease could have ended is told (${way})`, options, async () => {
    const { locking } = await boot();
    const job = async (signal) => {
      await until("the loss is told", () => signal.aborted);
      return "not safe";
    };
    const [lost] = await jobsThatEnd(locking, ["k"], { job });
    await refused(lost, { code: "LOCK_LOST" });
  });

  test(`those who wait are served when the server goes on (${way})`, options, async () => {
    const [one, other] = [await boot(), await boot()];
    let waits;
    const job = async () => {
      waits = [one, other, one].map(({ locking }) => locking.execute("k", async () => "served", { timeout: 30, expire: 1 }));
      return "done";
    };
    const [first] = await jobsThatEnd(one.locking, ["k"], { job });
    assert.equal(await first, "done");
    assert.deepEqual(await Promise.all(waits), ["served", "served", "served"]);
  });
}

test("a job that cannot see its lock has its result, too", OURS_ONLY, async () => {
  const { locking } = await boot();
  let wake;
  const job = locking.execute(
    "k",
    async () => {
      wake = await WAYS["a process that is stopped"]();
      return "done";
    },
    { expire: 1 },
  );
  await until("the server stands still", () => wake);
  await sleep(PAUSE_MS);
  await wake();
  assert.equal(await job, "done");
});

test("calls of one instance that follow one another have their results", OURS_ONLY, async () => {
  const { locking } = await boot();
  const CALLS = 12;
  let wake;
  let ran = 0;
  const job = async (_signal, lock) => {
    lock.assertHeld();
    ran += 1;
    // The calls before this one may or may not have their results by now. Both are right.
    if (ran === 3) wake = await WAYS["a process that is stopped"]();
    return "done";
  };
  const calls = Array.from({ length: CALLS }, () => locking.execute("k", job, { expire: 1, timeout: 30 }));
  await until("the server stands still", () => wake);
  await sleep(PAUSE_MS);
  await wake();
  const outcomes = await Promise.allSettled(calls);
  assert.deepEqual(
    outcomes.filter(({ status }) => status === "rejected").map(({ reason }) => reason.code),
    [],
  );
});

test("a job whose lock somebody else took while the server stood still is told, although it had ended", OURS_ONLY, async () => {
  const { locking } = await boot();
  const job = locking.execute(
    "k",
    async (_signal, lock) => {
      // The lock is lost to another client, not by time. This must not count as a good end.
      await server.cli("SET", `${NS}k`, "thief");
      lock.assertHeld();
    },
    { expire: 60 },
  );
  await refused(job, { code: "LOCK_LOST" });
  assert.equal(await server.cli("GET", `${NS}k`), "thief");
  await server.cli("DEL", `${NS}k`);
});
