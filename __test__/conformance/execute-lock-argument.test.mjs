// The second argument of a job of `execute`. Only this package has it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NS, OURS_ONLY, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();

test("lock tells its keys, its owner and its signal", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.execute(["b", "a"], async (signal, lock) => {
    assert.deepEqual([...lock.keys].sort(), ["a", "b"]);
    assert.equal(lock.signal, signal);
    assert.equal(lock.ownerId, await bed.owner(`${NS}a`));
    assert.equal(lock.ownerId, await bed.owner(`${NS}b`));
  });
});

test("a job gets its arguments in whatever way it takes them", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const seen = (signal, lock) => signal instanceof AbortSignal && lock.signal === signal && lock.keys[0] === "k";
  const jobs = {
    rest: (...args) => seen(...args),
    "async rest": async (...args) => seen(...args),
    defaults: (signal = undefined, lock = undefined) => seen(signal, lock),
    arguments: function () {
      return seen(arguments[0], arguments[1]);
    },
    "async arguments": async function () {
      return seen(arguments[0], arguments[1]);
    },
    method: {
      job() {
        return seen(arguments[0], arguments[1]);
      },
    }.job,
    bound: seen.bind(null),
    "bound without a parameter": function () {
      return seen(...arguments);
    }.bind(null),
    proxy: new Proxy(() => {}, { apply: (_target, _self, args) => seen(...args) }),
    "a generated function": new Function("seen", "return function () { return seen(...arguments) }")(seen),
    "with a lying toString": Object.assign((...args) => seen(...args), { toString: () => "() => 1" }),
    "an arrow with a commented list": (/* nothing here */ ...args) => seen(...args),
  };
  for (const [what, job] of Object.entries(jobs)) assert.equal(await locking.execute("k", job), true, what);
});

test("remainingMs is what is left of the lease, and no more than Redis knows of", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.execute(
    ["a", "b"],
    async (_, lock) => {
      const told = lock.remainingMs();
      assert.equal(typeof told, "number");
      assert.ok(told > 0 && told <= 30_000, `told ${told}`);
      // Redis is asked later than the lock, so it has less time left, apart from the time that the request took.
      const again = lock.remainingMs();
      assert.ok(again <= told);
      for (const key of ["a", "b"]) assert.ok((await bed.pttl(`${NS}${key}`)) > 20_000);
    },
    { expire: 30 },
  );
});

test("assertHeld is quiet while the lock is held and throws the reason once it is lost", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  let told;
  const job = async (signal, lock) => {
    assert.equal(lock.assertHeld(), undefined);
    await bed.command("DEL", `${NS}k`);
    await until("the signal aborts", () => signal.aborted);
    assert.throws(
      () => lock.assertHeld(),
      (error) => {
        told = error;
        return error === signal.reason;
      },
    );
    assert.ok(lock.remainingMs() <= 0);
  };
  const error = await refused(locking.execute("k", job, { expire: 1 }), { type: "conflict", code: "LOCK_LOST" });
  assert.equal(error, told);
});

test("after the job is done the lock is not held any more", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const lock = await locking.execute("k", async (_, given) => given);
  assert.throws(() => lock.assertHeld());
  assert.ok(lock.remainingMs() <= 0);
  assert.equal(lock.signal.aborted, false);
});

test("fencing tokens have one number per key, and rise from hold to hold", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const last = {};
  for (let i = 0; i < 20; i += 1) {
    const keys = i % 2 ? ["a", "b"] : ["b", "c", "a"];
    const tokens = await locking.execute(keys, async (_, lock) => lock.fencingTokens);
    assert.deepEqual(Object.keys(tokens).sort(), [...keys].sort());
    for (const key of keys) {
      assert.ok(Number.isSafeInteger(tokens[key]), `${key}: ${tokens[key]}`);
      assert.ok(tokens[key] > (last[key] ?? 0), `${key}: ${tokens[key]} after ${last[key]}`);
      last[key] = tokens[key];
    }
  }
});

test("fencing tokens rise across instances", OURS_ONLY, async () => {
  const boots = [await bed.boot(), await bed.boot(), await bed.boot()];
  let last = 0;
  for (let i = 0; i < 30; i += 1) {
    const { k } = await boots[i % 3].locking.execute("k", async (_, lock) => lock.fencingTokens);
    assert.ok(k > last, `${k} after ${last}`);
    last = k;
  }
});

test("fencing tokens do not fall when Redis loses its data", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const tokenNow = async (booted) => (await booted.execute("k", async (_, lock) => lock.fencingTokens)).k;
  let last = await tokenNow(locking);
  for (let i = 0; i < 5; i += 1) {
    await bed.command("FLUSHALL");
    const token = await tokenNow(i % 2 ? (await bed.boot()).locking : locking);
    assert.ok(token > last, `${token} after ${last}`);
    last = token;
  }
});

test("fencing tokens by key are safe for keys named like an object's own properties", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const keys = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  await locking.execute(keys, async (_, lock) => {
    for (const key of keys) {
      assert.ok(Object.hasOwn(lock.fencingTokens, key), key);
      assert.equal(typeof lock.fencingTokens[key], "number", key);
    }
  });
});

test("fencing tokens are an object as Medusa's steps return it: with methods, and of numbers that stay", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.execute("k", async (_, lock) => {
    assert.ok(lock.fencingTokens instanceof Object);
    assert.ok(Object.isFrozen(lock.fencingTokens));
  });
});

test("execute of no key has a lock that holds nothing", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.execute([], async (signal, lock) => {
    assert.equal(signal.aborted, false);
    assert.deepEqual([...lock.keys], []);
    assert.deepEqual(Object.keys(lock.fencingTokens), []);
    lock.assertHeld();
  });
});
