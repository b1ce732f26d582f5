// The user's functions that the provider calls: a logger, callbacks, strategies. Whatever they do, every call ends and no lock is left behind.

import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { providerEntry, recordingLogger } from "../../harness/locking-module.mjs";
import { deferred, NS, OURS_ONLY, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();

const WAYS = {
  throws: () => {
    throw new Error("no use for it");
  },
  rejects: async () => {
    throw new Error("no use for it");
  },
  "throws what has no text": () => {
    throw Object.create(null);
  },
};

/** Boots with a logger. After the boot, its `info`, `warn` and `error` call `write`. */
async function bootWithLogger(write, options = {}) {
  const { logger } = recordingLogger();
  const booted = await bed.bootWith({ providers: [providerEntry(bed.options(options))], logger });
  const count = { told: 0 };
  for (const level of ["info", "warn", "error"]) {
    logger[level] = () => {
      count.told += 1;
      return write();
    };
  }
  return { ...booted, locking: booted.locking, count };
}

/** Cuts all connections except the observer's. */
async function cut() {
  await bed.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  await bed.command("CLIENT", "KILL", "TYPE", "pubsub");
}

for (const [how, write] of Object.entries(WAYS)) {
  test(`with a logger that ${how} every call ends although connections are cut`, OURS_ONLY, async () => {
    const { locking, count } = await bootWithLogger(write);
    const ends = [];
    for (let round = 0; round < 10; round += 1) {
      for (let at = 0; at < 30; at += 1) ends.push(locking.execute(`k${at % 5}`, () => sleep(1), { timeout: 3 }).catch(() => {}));
      await sleep(20);
      await cut();
    }
    await Promise.all(ends);
    // If the release of a lock was cut off, the provider gives the lock back by itself.
    await until("nothing is locked", async () => (await bed.locks()).length === 0);
    assert.ok(count.told > 0, "the logger was not called at all, so this test says nothing");
  });
}

test("with a logger that throws each of many lost jobs hears of its loss", OURS_ONLY, async () => {
  const { locking } = await bootWithLogger(WAYS.throws);
  const held = Array.from({ length: 20 }, () => deferred());
  const losses = held.map(({ resolve }, at) =>
    refused(
      locking.execute(
        `k${at}`,
        (signal) => {
          resolve();
          return new Promise((end) => signal.addEventListener("abort", end));
        },
        { expire: 1 },
      ),
      { code: "LOCK_LOST" },
    ),
  );
  await Promise.all(held.map(({ promise }) => promise));
  await bed.command("FLUSHALL");
  await Promise.all(losses);
});

for (const [how, onHeld] of Object.entries(WAYS).slice(0, 2)) {
  test(`an onHeld that ${how} gives the lock back, and acquire rejects with its error`, OURS_ONLY, async () => {
    const { locking } = await bed.boot();
    await assert.rejects(locking.acquire(["a", "b"], { ownerId: "me", expire: 60, renew: true, onHeld }), /no use for it/);
    await until("nothing is locked", async () => (await bed.locks()).length === 0);
    await locking.execute(["a", "b"], async () => {}, { timeout: 1 });
  });

  test(`an onLost that ${how} disturbs nobody: others are told, and the log says so`, OURS_ONLY, async () => {
    const { locking, logs } = await bed.boot();
    const told = [];
    const lost = (name) => () => void told.push(name);
    await locking.acquire("a", { ownerId: "me", expire: 1, onLost: onHeld });
    await locking.acquire("b", { ownerId: "me", expire: 1, onLost: lost("b") });
    await locking.acquire("c", { ownerId: "me", expire: 1, onLost: lost("c") });
    await until("both are told", () => told.length === 2);
    await until("the log has it", () => logs.some(({ text }) => /onLost.*no use for it/.test(text)));
    assert.equal(await locking.execute("a", async () => "ran"), "ran");
  });
}

test("an onHeld that fails because its lock went to another holder leaves that one alone", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const [held, never] = [deferred(), new Promise(() => {})];
  const first = refused(locking.acquire("k", { expire: 60, onHeld: () => never }), { code: "LOCK_LOST" });
  await until("it holds", async () => (await bed.owner(`${NS}k`)) !== null);
  const second = locking.acquire("k", { awaitQueue: true, expire: 60, onHeld: (lock) => held.resolve(lock) });
  await bed.command("DEL", `${NS}k`);
  await Promise.all([first, second]);
  (await held.promise).assertHeld();
  await refused(locking.acquire("k"), { code: "LOCK_NOT_ACQUIRED" });
  assert.notEqual(await bed.owner(`${NS}k`), null);
});

test("an onHeld that fails leaves an earlier lock of the same owner alone", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  let lock;
  await locking.acquire("k", { ownerId: "me", renew: true, onHeld: (held) => (lock = held) });
  await assert.rejects(locking.acquire("k", { ownerId: "me", expire: 60, onHeld: WAYS.throws }), /no use for it/);
  await refused(locking.acquire("k", { ownerId: "you" }), { code: "LOCK_NOT_ACQUIRED" });
  lock.assertHeld();
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
});

test("acquire waits for the promise that onHeld returns", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const gate = deferred();
  let resolved = false;
  const acquired = locking.acquire("k", { ownerId: "me", expire: 60, onHeld: () => gate.promise }).then(() => {
    resolved = true;
  });
  await until("the lock is held", () => bed.owner(`${NS}k`));
  await sleep(30);
  assert.equal(resolved, false);
  gate.resolve();
  await acquired;
  assert.equal(await bed.owner(`${NS}k`), "me");
});

test("an acquire whose onHeld never ends is told when its lock is lost", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const acquired = locking.acquire("k", { ownerId: "me", expire: 1, onHeld: () => new Promise(() => {}) });
  await refused(acquired, { code: "LOCK_LOST" });
  assert.equal(await locking.execute("k", async () => "ran"), "ran");
});

test("an acquire whose onHeld never ends is told when the provider is shut down", OURS_ONLY, async () => {
  const booted = await bed.boot({ drainTimeoutMs: 50 });
  const acquired = booted.locking.acquire("k", { ownerId: "me", expire: 60, renew: true, onHeld: () => new Promise(() => {}) });
  acquired.catch(() => {});
  await until("the lock is held", () => bed.owner(`${NS}k`));
  await booted.shutdown();
  await refused(acquired, { code: "LOCK_LOST" });
});

for (const [how, reconnectOnError] of Object.entries(WAYS)) {
  test(`a reconnectOnError that ${how} leaves the error to its call`, OURS_ONLY, async () => {
    const { locking } = await bed.boot({ redisOptions: { reconnectOnError } });
    await bed.command("RPUSH", `${NS}list`, "x");
    await refused(locking.acquire("list"), { code: "REDIS_REFUSED" });
    assert.equal(await locking.execute("k", async () => "ran"), "ran");
  });

  test(`a retryStrategy that ${how} ends all attempts, and calls are told`, OURS_ONLY, async () => {
    const { locking } = await bed.boot({ redisOptions: { retryStrategy: reconnectOnError } });
    await locking.execute("k", async () => {});
    await cut();
    await refused(
      until("a call fails", () => locking.execute("k", async () => {}, { timeout: 5 }).then(() => false)),
      { code: "REDIS_UNREACHABLE" },
    );
  });
}
