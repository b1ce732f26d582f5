// The connection breaks after Redis has executed a command and before its answer arrived.

import assert from "node:assert/strict";
import test, { after, beforeEach } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startFaultProxy } from "../../harness/fault-proxy.mjs";
import { deferred, NS, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();
let proxy;
beforeEach(async () => {
  proxy ??= await startFaultProxy({ targetPort: bed.server.port });
  proxy.clearFaults();
  proxy.resumeReplies();
  await proxy.acceptConnections();
});
after(() => proxy?.stop());

const boot = (options) => bed.boot({ redisUrl: `redis://127.0.0.1:${proxy.port}`, ...options });
/** Script calls that name this lock key. The handshake's probe names no lock key. */
const on = (key) => (words) => words[0].startsWith("EVAL") && words.includes(`${NS}${key}`);

for (const when of ["before-reply", "mid-reply"]) {
  test(`execute gets its lock when the answer was cut (${when})`, async () => {
    const { locking } = await boot();
    await locking.execute("warm", async () => {});
    const cut = proxy.cutAfterForward({ match: on("k"), when });
    let owner;
    await locking.execute("k", async (_signal, lock) => {
      owner = lock.ownerId;
      assert.equal(await bed.owner(`${NS}k`), owner);
    });
    await cut;
    assert.match(owner, /^execute:/);
    assert.deepEqual(await bed.locks(), []);
  });

  for (const ownerId of [undefined, "me"]) {
    test(`a try for owner ${ownerId} is not refused because of its own lost answer (${when})`, async () => {
      const { locking } = await boot();
      await locking.execute("warm", async () => {});
      const cut = proxy.cutAfterForward({ match: on("k"), when });
      await locking.acquire("k", { ownerId, expire: 30 });
      await cut;
      assert.equal(await bed.owner(`${NS}k`), ownerId ?? "*");
      assert.equal(await locking.release("k", { ownerId }), true);
      assert.deepEqual(await bed.locks(), []);
    });
  }
}

test("a release whose answer was lost resolves true and does not free the next holder's lock of the same owner", async () => {
  const { locking } = await boot();
  await locking.acquire("k");
  const cut = proxy.cutAfterForward({ match: on("k") });
  // The next holder takes the key in between, over a connection of its own. It has no owner's name either.
  const { locking: other } = await bed.boot();
  await proxy.refuseConnections();
  const released = locking.release("k");
  await cut;
  await other.acquire("k", { expire: 30 });
  await proxy.acceptConnections();
  assert.equal(await released, true);
  assert.equal(await bed.owner(`${NS}k`), "*", "the next holder still has it");
  assert.ok((await bed.pttl(`${NS}k`)) > 0);
});

test("a release of execute whose answer was lost leaves the next holder alone", async () => {
  const { locking } = await boot();
  const { locking: other } = await bed.boot();
  await locking.execute("warm", async () => {});
  const cut = deferred();
  const running = locking.execute("k", async () => {
    proxy.cutAfterForward({ match: on("k") }).then(cut.resolve);
    await proxy.refuseConnections();
    return "done";
  });
  await cut.promise;
  await other.acquire("k", { ownerId: "next", expire: 30 });
  await proxy.acceptConnections();
  assert.equal(await running, "done");
  await locking.execute("other", async () => {});
  assert.equal(await bed.owner(`${NS}k`), "next");
});

test("a grant that arrives after the time limit is given back", async () => {
  const { locking } = await boot();
  await locking.execute("warm", async () => {});
  proxy.pauseReplies();
  const late = refused(
    locking.execute("k", async () => assert.fail("no job may run"), { timeout: 1 }),
    { code: "LOCK_TIMEOUT", message: "Timed-out acquiring lock.", type: "conflict" },
  );
  await until("the lock is taken", () => bed.owner(`${NS}k`));
  await late;
  proxy.resumeReplies();
  await until("the lock is given back", async () => !(await bed.owner(`${NS}k`)));
});

for (const args of [{}, { ownerId: "me" }, { ownerId: "me", expire: 60 }]) {
  test(`acquire with ${JSON.stringify(args)} that times out without an answer is rolled back after the reconnect`, async () => {
    const { locking } = await boot();
    await locking.execute("warm", async () => {});
    const cut = proxy.cutAfterForward({ match: on("k") });
    await proxy.refuseConnections();
    await refused(locking.acquire("k", { ...args, awaitQueue: true, timeout: 1 }), { code: "LOCK_TIMEOUT" });
    await cut;
    assert.equal(await bed.owner(`${NS}k`), args.ownerId ?? "*", "it was taken, and nobody knows");
    await proxy.acceptConnections();
    await until("it is given back", async () => !(await bed.owner(`${NS}k`)));
  });
}

test("rolling back an attempt leaves what the same owner held before", async () => {
  const { locking } = await boot();
  await locking.acquire("k", { ownerId: "me", expire: 60 });
  const cut = proxy.cutAfterForward({ match: on("k") });
  await proxy.refuseConnections();
  await refused(locking.acquire("k", { ownerId: "me", expire: 60, awaitQueue: true, timeout: 1 }), { code: "LOCK_TIMEOUT" });
  await cut;
  await proxy.acceptConnections();
  await locking.execute("other", async () => {});
  await sleep(200);
  assert.equal(await bed.owner(`${NS}k`), "me");
});

test("a command that never reached the server is sent again", async () => {
  const { locking } = await boot();
  await locking.execute("warm", async () => {});
  const cut = proxy.cutBeforeForward({ match: on("k") });
  await locking.acquire("k", { ownerId: "me" });
  await cut;
  assert.equal(await bed.owner(`${NS}k`), "me");
});

test("connections that break again and again under load never let two jobs run at once", async () => {
  const { locking } = await boot();
  let inside = 0;
  let overlaps = 0;
  let jobs = 0;
  let cutting = true;
  const cutter = (async () => {
    for (let count = 0; count < 25 && cutting; count += 1) {
      await sleep(60);
      proxy.cutAll({ reset: count % 2 === 0 });
    }
  })();
  const caller = async () => {
    for (let count = 0; count < 12; count += 1) {
      await locking.execute(
        "k",
        async () => {
          inside += 1;
          overlaps += inside > 1 ? 1 : 0;
          await sleep(3);
          inside -= 1;
          jobs += 1;
        },
        { timeout: 30 },
      );
    }
  };
  await Promise.all(Array.from({ length: 8 }, caller));
  cutting = false;
  await cutter;
  assert.equal(overlaps, 0);
  assert.equal(jobs, 96);
  await until("nothing is locked", async () => (await bed.locks()).length === 0);
});
