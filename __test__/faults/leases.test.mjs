// Leases of running jobs if the event loop or Redis does not work as usual.

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import test, { after, beforeEach } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startFaultProxy } from "../../harness/fault-proxy.mjs";
import { messageOf } from "../support/children.mjs";
import { block, deferred, NS, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();
let proxy;
beforeEach(async () => {
  proxy ??= await startFaultProxy({ targetPort: bed.server.port });
  proxy.resumeReplies();
  await proxy.acceptConnections();
});
after(() => proxy?.stop());

const boot = (options) => bed.boot({ redisUrl: `redis://127.0.0.1:${proxy.port}`, ...options });
const LOST = {
  code: "LOCK_LOST",
  type: "conflict",
  message: /^Lost the lock for key\(s\) "k" while the job was still running: the lease expired/,
};

/** Runs `body` while another process asks for the lock's owner every few ms. Returns the owners that the process has seen. */
async function observeWhile(key, body) {
  const observer = fork(fileURLToPath(new URL("./observer.mjs", import.meta.url)), [String(bed.server.port), key]);
  await messageOf(observer);
  try {
    await body();
  } finally {
    observer.send("end");
  }
  return await messageOf(observer);
}

test("an event loop blocked for three leases keeps its lock for all of the time", async () => {
  const { locking } = await bed.boot();
  await locking.execute(
    "k",
    async (signal, lock) => {
      const seen = await observeWhile(`${NS}k`, () => block(3_000));
      assert.deepEqual(seen, [lock.ownerId]);
      lock.assertHeld();
      assert.ok(lock.remainingMs() > 0);
      assert.equal(signal.aborted, false);
    },
    { expire: 1 },
  );
  assert.deepEqual(await bed.locks(), []);
});

test("a job that was waited for keeps its lock when it blocks the event loop as soon as it begins", async () => {
  const [holder, waiter] = [await bed.boot(), await bed.boot()];
  const end = deferred();
  const held = holder.locking.execute("k", () => end.promise);
  await until("k is held", async () => (await bed.locks()).length === 1);
  let own;
  const job = (_signal, lock) => {
    own = lock.ownerId;
    block(3_000);
    lock.assertHeld();
  };
  const waiting = waiter.locking.execute("k", job, { expire: 1 });
  await until("somebody waits", async () => (await bed.command("KEYS", "mlr!*w:*")).length === 1);
  // The server does not know the script of the claim either.
  await bed.command("SCRIPT", "FLUSH");
  const seen = await observeWhile(`${NS}k`, async () => {
    end.resolve();
    await Promise.all([held, waiting]);
  });
  const kinds = seen.filter((owner) => owner !== null).map((owner) => (owner.startsWith("grant:") ? "grant" : owner));
  assert.equal(kinds.at(-1), own, JSON.stringify(seen));
  assert.deepEqual(await bed.locks(), []);
});

test("an event loop blocked for longer than maximumStallMs loses its lock, and is told", async () => {
  const { locking } = await bed.boot({ maximumStallMs: 500 });
  const running = locking.execute(
    "k",
    async (_signal, lock) => {
      await sleep(400);
      block(5_000);
      assert.throws(() => lock.assertHeld(), { code: LOST.code });
      assert.equal(lock.remainingMs(), 0);
      return "unprotected";
    },
    { expire: 1 },
  );
  await refused(running, LOST);
});

test("a lease that cannot be renewed aborts the job before it can have lapsed", async () => {
  const { locking } = await boot();
  const running = locking.execute(
    "k",
    async (signal, lock) => {
      proxy.pauseReplies();
      await proxy.refuseConnections();
      await once(signal, "abort");
      // No connection of ours gets an answer any more, so Redis' own clock decides. The observer's connection does not use the proxy.
      assert.throws(() => lock.assertHeld(), { code: LOST.code });
      assert.equal(lock.remainingMs(), 0);
      assert.match(signal.reason.message, LOST.message);
      throw signal.reason;
    },
    { expire: 2 },
  );
  await refused(running, LOST);
  proxy.resumeReplies();
  await proxy.acceptConnections();
});

test("a broken connection does not cost a job its lease", async () => {
  const { locking } = await boot();
  await locking.execute(
    "k",
    async (signal, lock) => {
      for (let count = 0; count < 8; count += 1) {
        proxy.cutAll();
        await sleep(300);
        assert.equal(await bed.owner(`${NS}k`), lock.ownerId);
      }
      assert.equal(signal.aborted, false);
    },
    { expire: 1 },
  );
});

for (const [what, replace] of Object.entries({
  deleted: () => bed.command("DEL", `${NS}k`),
  replaced: () => bed.command("SET", `${NS}k`, "thief", "PX", "60000"),
})) {
  test(`a key that somebody ${what} aborts its job`, async () => {
    const { locking } = await bed.boot();
    const running = locking.execute(
      "k",
      async (signal) => {
        await replace();
        await once(signal, "abort");
      },
      { expire: 1 },
    );
    await refused(running, LOST);
    assert.equal(await bed.owner(`${NS}k`), what === "replaced" ? "thief" : null, "the next holder's lock is left alone");
  });
}

test("releaseAll by another instance aborts the jobs of this one at their next renewal", async () => {
  const { locking } = await bed.boot();
  const { locking: other } = await bed.boot();
  const begun = deferred();
  const running = locking.execute(
    "k",
    async (signal) => {
      begun.resolve();
      await once(signal, "abort");
    },
    { expire: 1 },
  );
  await begun.promise;
  // The call may fail before releaseAll ends, so its error is caught from here on.
  const told = refused(running, LOST);
  await other.releaseAll();
  await told;
});

test("releaseAll by the instance itself aborts its jobs at once", async () => {
  const { locking } = await bed.boot();
  const begun = deferred();
  const running = locking.execute(
    "k",
    async (signal) => {
      begun.resolve();
      await once(signal, "abort");
    },
    // The job's own renewal would come after twenty seconds, which is later than this test may take.
    { expire: 60 },
  );
  await begun.promise;
  // The call may fail before releaseAll ends, so its error is caught from here on.
  const told = refused(running, LOST);
  await locking.releaseAll();
  await told;
});

test("hundreds of leases are renewed together", async () => {
  const { locking } = await bed.boot();
  const end = deferred();
  const jobs = Array.from({ length: 300 }, (_, at) => locking.execute([`a${at}`, `b${at}`], () => end.promise, { expire: 1 }));
  await until("all are held", async () => (await bed.locks()).length === 600);
  await sleep(2_500);
  const left = await bed.locks();
  assert.equal(left.length, 600);
  assert.ok(left.every((row) => row.pttl > 0));
  end.resolve();
  await Promise.all(jobs);
  assert.deepEqual(await bed.locks(), []);
});
