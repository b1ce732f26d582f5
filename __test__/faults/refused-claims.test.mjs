// A job begins on a grant, but Redis answers the claim with an error. The grant still stands for two seconds.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startFaultProxy } from "../../harness/fault-proxy.mjs";
import { deferred, NS, OURS_ONLY, openTestbed, refused, until } from "../support/testbed.mjs";
import { untilWaiting } from "../waiting/support.mjs";

const bed = openTestbed();

const FULL = Buffer.from("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
/** Whether the command is the claim: a script with two keys, and the grant as its first argument. */
const isClaim = (words) => /^eval/i.test(words[0]) && words[2] === "2" && String(words[5]).startsWith("grant:");

const proxies = [];
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.stop();
});

/**
 * Starts a holder, and another instance behind a proxy. The `job` of that instance waits for the key.
 *
 * @returns {Promise<{ proxy: object, job: Promise<any>, free(): Promise<void>, logs: object[] }>}
 */
async function holderAndWaiter(job, args = {}) {
  const proxy = await startFaultProxy({ targetPort: bed.server.port });
  proxies.push(proxy);
  const [one, other] = [await bed.boot(), await bed.boot({ redisUrl: `redis://127.0.0.1:${proxy.port}` })];
  const [began, gate] = [deferred(), deferred()];
  const held = one.locking.execute("k", async () => {
    began.resolve();
    await gate.promise;
  });
  await began.promise;
  const waits = other.locking.execute("k", job, { timeout: 30, ...args });
  waits.catch(() => {});
  await untilWaiting(bed, "k", 1);
  const free = async () => {
    gate.resolve();
    await held;
  };
  return { proxy, job: waits, free, logs: other.logs };
}

test("a claim that full memory refuses a few times is no loss", OURS_ONLY, async () => {
  const { proxy, job, free, logs } = await holderAndWaiter(async (signal, lock) => {
    await sleep(3_000);
    lock.assertHeld();
    assert.equal(await bed.owner(`${NS}k`), lock.ownerId);
    return signal.aborted;
  });
  const refusals = [1, 2, 3].map(() => proxy.rewriteReply({ match: isClaim, reply: FULL }));
  await free();
  await Promise.all(refusals);
  assert.equal(await job, false);
  assert.deepEqual(
    logs.filter(({ text }) => /lost/i.test(text)),
    [],
  );
  await until("the lock is gone", async () => (await bed.owner(`${NS}k`)) === null);
});

test("a job that gets its lock while memory is full keeps it", OURS_ONLY, async () => {
  const { job, free } = await holderAndWaiter(
    async (_signal, lock) => {
      // Longer than a grant stands.
      await sleep(3_000);
      lock.assertHeld();
      return "done";
    },
    { expire: 10 },
  );
  await bed.command("CONFIG", "SET", "maxmemory", "1");
  await free();
  assert.equal(await job, "done");
  assert.equal(await bed.owner(`${NS}k`), null);
  await bed.command("CONFIG", "SET", "maxmemory", "0");
});

test("a job that ends while its claim is refused had its lock until its end, and gives it back", OURS_ONLY, async () => {
  const { proxy, job, free } = await holderAndWaiter(async (_signal, lock) => {
    await sleep(400);
    lock.assertHeld();
    return "done";
  });
  proxy.answerAlways({ match: isClaim, reply: FULL });
  await free();
  assert.equal(await job, "done");
  assert.equal(await bed.owner(`${NS}k`), null);
});

test("a job that outlives a grant whose claim is always refused is told", OURS_ONLY, async () => {
  const { proxy, job, free } = await holderAndWaiter(async (signal, lock) => {
    await until("the loss is told", () => signal.aborted);
    assert.throws(() => lock.assertHeld(), { code: "LOCK_LOST" });
  });
  proxy.answerAlways({ match: isClaim, reply: FULL });
  await free();
  await refused(job, { code: "LOCK_LOST" });
  await until("the grant has lapsed", async () => (await bed.owner(`${NS}k`)) === null);
});

test("real full memory while a lock is handed over loses no job that ends in time", OURS_ONLY, async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  const [began, gate] = [deferred(), deferred()];
  const held = one.locking.execute("k", async () => {
    began.resolve();
    await gate.promise;
    return "done";
  });
  await began.promise;
  const waits = other.locking.execute("k", async () => "served", { timeout: 20 });
  await untilWaiting(bed, "k", 1);
  await bed.command("CONFIG", "SET", "maxmemory", "1");
  try {
    gate.resolve();
    assert.equal(await held, "done");
    await sleep(300);
  } finally {
    await bed.command("CONFIG", "SET", "maxmemory", "0");
  }
  assert.equal(await waits, "served");
  await until("the lock is gone", async () => (await bed.owner(`${NS}k`)) === null);
});
