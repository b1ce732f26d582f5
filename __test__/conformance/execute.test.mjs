import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deferred, isPending, NS, OURS_ONLY, openTestbed, refused } from "../support/testbed.mjs";

const bed = openTestbed();

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

test("execute runs the job under the lock, returns its result and releases", async () => {
  const { locking } = await bed.boot();
  const result = await locking.execute("k", async () => {
    const [lock, ...more] = await bed.locks();
    assert.deepEqual(more, []);
    assert.equal(lock.name, `${NS}k`);
    assert.match(lock.value, new RegExp(`^execute:${UUID}$`));
    assert.ok(lock.pttl > 50_000 && lock.pttl <= 60_000, `default lease: ${lock.pttl} ms left`);
    return { any: "value" };
  });
  assert.deepEqual(result, { any: "value" });
  assert.deepEqual(await bed.locks(), []);
});

test("execute's owner differs from call to call and is told from the official package's by its UUID's version", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const owners = await Promise.all(Array.from({ length: 20 }, (_, i) => locking.execute(`k${i}`, () => bed.owner(`${NS}k${i}`))));
  assert.equal(new Set(owners).size, 20);
  for (const owner of owners) assert.match(new RegExp(`^execute:${UUID}$`).exec(owner)[1], /[78]/);
});

test("a job that is not async works", async () => {
  const { locking } = await bed.boot();
  assert.equal(await locking.execute("k", () => 42), 42);
  assert.equal(await locking.execute("k", () => undefined), undefined);
  assert.deepEqual(await bed.locks(), []);
});

test("an error of the job comes out unchanged, and the lock is released", async () => {
  const { locking } = await bed.boot();
  const reason = new TypeError("out of stock");
  await assert.rejects(
    locking.execute("k", async () => {
      throw reason;
    }),
    (error) => error === reason,
  );
  await assert.rejects(
    locking.execute("k", () => {
      throw reason;
    }),
    (error) => error === reason,
  );
  await assert.rejects(
    locking.execute("k", () => Promise.reject("just a string")),
    (error) => error === "just a string",
  );
  assert.deepEqual(await bed.locks(), []);
});

test("the job's first argument is a signal that is not aborted", async () => {
  const { locking } = await bed.boot();
  const signal = await locking.execute("k", (given) => given);
  assert.ok(signal instanceof AbortSignal);
  assert.equal(signal.aborted, false);
});

test("execute takes expire in seconds, at least one, and 60 when it is no number", async () => {
  const { locking } = await bed.boot();
  const leases = [
    [7, 7],
    [0.1, 1],
    [-3, 1],
    [0, 1],
    [Number.NaN, 60],
    [undefined, 60],
    [null, 60],
    ["9", 9],
  ];
  for (const [i, [expire, seconds]] of leases.entries()) {
    const left = await locking.execute(`k${i}`, () => bed.pttl(`${NS}k${i}`), { expire });
    assert.ok(left <= seconds * 1000 && left > seconds * 1000 - 900, `expire ${expire}: ${left} ms left`);
  }
});

test("execute of several keys holds all of them", async () => {
  const { locking } = await bed.boot();
  const owners = await locking.execute(["a", "b", "c"], () => bed.owners());
  assert.deepEqual(Object.keys(owners), [`${NS}a`, `${NS}b`, `${NS}c`]);
  assert.equal(new Set(Object.values(owners)).size, 1);
  assert.deepEqual(await bed.locks(), []);
});

test("execute of no key at all runs the job", async () => {
  const { locking } = await bed.boot();
  assert.equal(await locking.execute([], async () => "ran"), "ran");
  assert.deepEqual(await bed.locks(), []);
});

test("execute of a key named twice runs the job once and releases", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  let runs = 0;
  await locking.execute(["k", "k"], async () => {
    runs += 1;
  });
  assert.equal(runs, 1);
  assert.deepEqual(await bed.locks(), []);
});

test("jobs on one key run one after the other", async () => {
  const { locking } = await bed.boot({ defaultRetryInterval: 2, maximumRetryInterval: 10 });
  let inside = 0;
  const results = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      locking.execute(
        "k",
        async () => {
          inside += 1;
          assert.equal(inside, 1);
          await sleep(1);
          inside -= 1;
          return i;
        },
        { timeout: 60 },
      ),
    ),
  );
  assert.deepEqual(
    results,
    Array.from({ length: 30 }, (_, i) => i),
  );
});

test("jobs on different keys run at the same time", async () => {
  const { locking } = await bed.boot();
  const all = deferred();
  let inside = 0;
  const job = async () => {
    inside += 1;
    if (inside === 10) all.resolve();
    await all.promise;
  };
  await Promise.all(Array.from({ length: 10 }, (_, i) => locking.execute(`k${i}`, job)));
  assert.equal(inside, 10);
});

test("execute that waits in vain is refused after timeout seconds, and its job never runs", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "other" });
  let ran = false;
  const job = async () => {
    ran = true;
  };
  await refused(locking.execute("k", job, { timeout: 1 }), { message: "Timed-out acquiring lock.", type: "conflict" });
  await locking.release("k", { ownerId: "other" });
  await sleep(300);
  assert.equal(ran, false);
  assert.deepEqual(await bed.locks(), []);
});

test("the timeout carries the code LOCK_TIMEOUT and the key", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("b", { ownerId: "other" });
  const error = await refused(
    locking.execute(["a", "b"], async () => {}, { timeout: 1 }),
    { code: "LOCK_TIMEOUT" },
  );
  assert.ok(error.keys.includes("b"));
  assert.deepEqual(await bed.owners(), { [`${NS}b`]: "other" });
});

test("a timeout below one second, and one that is no number, is one second", async () => {
  const { locking } = await bed.boot({ waitLockingTimeout: 30 });
  await locking.acquire("k", { ownerId: "other" });
  const expected = { message: "Timed-out acquiring lock.", type: "conflict" };
  await Promise.all(
    [0, -1, 0.01, Number.NaN].map((timeout) =>
      refused(
        locking.execute("k", async () => {}, { timeout }),
        expected,
      ),
    ),
  );
});

test("without a timeout execute waits waitLockingTimeout seconds", OURS_ONLY, async () => {
  const { locking } = await bed.boot({ waitLockingTimeout: 1 });
  await locking.acquire("k", { ownerId: "other" });
  const patient = locking.execute("k", async () => "patient", { timeout: 60 });
  await refused(
    locking.execute("k", async () => {}),
    { message: "Timed-out acquiring lock.", type: "conflict" },
  );
  assert.equal(await isPending(patient), true);
  await locking.release("k", { ownerId: "other" });
  assert.equal(await patient, "patient");
});

test("execute is not re-entrant: a job that wants its own key times out", async () => {
  const { locking } = await bed.boot();
  await locking.execute("k", async () => {
    await refused(
      locking.execute("k", async () => {}, { timeout: 1 }),
      { message: "Timed-out acquiring lock.", type: "conflict" },
    );
  });
});

test("an aborted signal ends the wait with its reason", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "other" });
  const controller = new AbortController();
  const reason = new Error("request closed");
  const waiting = locking.execute("k", async () => assert.fail("ran"), { timeout: 60, signal: controller.signal });
  assert.equal(await isPending(waiting), true);
  controller.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  await assert.rejects(
    locking.execute("free", async () => assert.fail("ran"), { signal: controller.signal }),
    (error) => error === reason,
  );
  assert.deepEqual(await bed.owners(), { [`${NS}k`]: "other" });
});

test("forty callers of the same two keys all get their turn", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  let [inside, done] = [0, 0];
  const job = async () => {
    inside += 1;
    assert.equal(inside, 1);
    await sleep(2);
    inside -= 1;
    done += 1;
  };
  await Promise.all(Array.from({ length: 40 }, (_, i) => locking.execute(i % 2 ? ["k1", "k2"] : ["k2", "k1"], job, { timeout: 30 })));
  assert.equal(done, 40);
  assert.deepEqual(await bed.locks(), []);
});

test("a job that is no function is refused before anything is locked", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  for (const job of [undefined, null, "job", {}]) {
    await assert.rejects(locking.execute("k", job));
    assert.deepEqual(await bed.locks(), []);
  }
});
