// Arguments are read once, when the call comes in. Later changes of the caller's objects have no effect.

import assert from "node:assert/strict";
import test from "node:test";
import { deferred, NS, OURS_ONLY, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();

/** Holds "a" until the returned function is called. */
async function holdA(locking) {
  const [held, end] = [deferred(), deferred()];
  const done = locking.execute("a", () => {
    held.resolve();
    return end.promise;
  });
  await held.promise;
  return () => {
    end.resolve();
    return done;
  };
}

test("a list of keys that grows while the call waits is locked as it was", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const release = await holdA(locking);
  const keys = ["a", "b"];
  const seen = locking.execute(keys, async (_signal, lock) => [lock.keys, Object.keys(lock.fencingTokens), await bed.owners()]);
  keys.push("c");
  keys[0] = "d";
  await release();
  const [named, tokens, owners] = await seen;
  assert.deepEqual(named, ["a", "b"]);
  assert.deepEqual(tokens, ["a", "b"]);
  assert.deepEqual(Object.keys(owners).sort(), [`${NS}a`, `${NS}b`]);
  assert.deepEqual(await bed.locks(), []);
});

test("a list of keys that grows while acquire waits is locked as it was", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const release = await holdA(locking);
  const keys = ["a"];
  const acquired = locking.acquire(keys, { ownerId: "me", awaitQueue: true, expire: 60 });
  keys.push("c");
  await release();
  await acquired;
  assert.deepEqual(await bed.owners(), { [`${NS}a`]: "me" });
});

test("a list whose getter changes its answer is read once", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const keys = ["a"];
  let reads = 0;
  Object.defineProperty(keys, 0, {
    get() {
      reads += 1;
      return reads === 1 ? "a" : { no: "key" };
    },
  });
  assert.equal(await locking.execute(keys, async () => "ran"), "ran");
  assert.equal(reads, 1);
});

const THROWING = {
  get() {
    throw new Error("from the getter");
  },
};

test("a getter that throws fails its call and leaves nothing behind", OURS_ONLY, async () => {
  const booted = await bed.boot();
  const { locking } = booted;
  const keys = Object.defineProperty(["a", "b"], 1, THROWING);
  const broken = (name) => Object.defineProperty({}, name, { ...THROWING, enumerable: true });
  const job = () => assert.fail("the job ran");
  for (const call of [
    () => locking.execute(keys, job),
    () => locking.acquire(keys),
    () => locking.release(keys),
    ...["timeout", "expire", "signal"].map((name) => () => locking.execute("k", job, broken(name))),
    ...["ownerId", "expire", "awaitQueue", "timeout", "signal", "renew", "onHeld", "onLost"].map(
      (name) => () => locking.acquire("k", broken(name)),
    ),
    () => locking.release("k", broken("ownerId")),
    () => locking.releaseAll(broken("ownerId")),
  ]) {
    await assert.rejects(call(), /from the getter/);
  }
  assert.deepEqual(await bed.locks(), []);
  // The shutdown would wait for a call that is still noted as under way.
  await booted.shutdown();
});

test("a signal that cannot be listened to fails its call and leaves nothing behind", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const { signal } = new AbortController();
  signal.addEventListener = () => {
    throw new Error("cannot be listened to");
  };
  await assert.rejects(
    locking.execute("k", () => assert.fail("the job ran"), { signal }),
    /cannot be listened to/,
  );
  assert.deepEqual(await bed.locks(), []);
});

test("each argument is read once", OURS_ONLY, async () => {
  const provider = (await bed.boot()).provider();
  const reads = {};
  const counting = (values) =>
    Object.defineProperties(
      {},
      Object.fromEntries(
        Object.entries(values).map(([name, value]) => [
          name,
          {
            enumerable: true,
            get() {
              reads[name] = (reads[name] ?? 0) + 1;
              return value;
            },
          },
        ]),
      ),
    );
  const values = { ownerId: "me", expire: 60, awaitQueue: true, timeout: 5, renew: true, onHeld: () => {}, onLost: () => {} };
  await provider.acquire("k", counting(values));
  await provider.release("k", { ownerId: "me" });
  await provider.execute("k", async () => {}, counting({ timeout: 5, expire: 60 }));
  assert.deepEqual(reads, { ...Object.fromEntries(Object.keys(values).map((name) => [name, 1])), timeout: 2, expire: 2 });
});

test("numbers are keys by their text", async () => {
  const { locking } = await bed.boot();
  await locking.acquire([5, "b"], { ownerId: "me" });
  assert.deepEqual(await bed.owners(), { [`${NS}5`]: "me", [`${NS}b`]: "me" });
  assert.equal(await locking.release(5, { ownerId: "me" }), true);
  assert.equal(await locking.release("b", { ownerId: "me" }), true);
  assert.equal(await locking.execute(7.5, () => bed.owner(`${NS}7.5`)).then((owner) => owner.startsWith("execute:")), true);
});

test("a key that has no value is refused at once, and the error names the step's parameter", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  for (const keys of [null, undefined, ["a", null], [undefined]]) {
    for (const call of [() => locking.acquire(keys, { awaitQueue: true, timeout: 600 }), () => locking.execute(keys, async () => {})]) {
      const error = await refused(call(), { code: "INVALID_ARGUMENT", type: "invalid_data" });
      assert.match(error.message, /got (null|undefined).*parameter "key" of acquireLockStep/);
    }
  }
  assert.deepEqual(await bed.locks(), []);
});

test("release of a key that has no value is false, and gives back the others", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("a", { ownerId: "me" });
  assert.equal(await locking.release(null, { ownerId: "me" }), false);
  assert.equal(await locking.release(undefined), false);
  assert.equal(await locking.release(["a", null], { ownerId: "me" }), false);
  await until("a is free", async () => (await bed.locks()).length === 0);
});
