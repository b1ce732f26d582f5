import assert from "node:assert/strict";
import test from "node:test";
import { deferred, openTestbed, refused, until } from "../support/testbed.mjs";
import { untilWaiting } from "./support.mjs";

const bed = openTestbed();
/** Longer than a test may take, because nothing here may depend on a renewal. */
const EXPIRE_S = 3_600;

/** Holds a key by a job that ends when it is told of its lock's loss. */
async function hold(locking, key) {
  const held = deferred();
  const done = locking.execute(
    key,
    (signal) => {
      held.resolve();
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve("told"), { once: true }));
    },
    { expire: EXPIRE_S },
  );
  await held.promise;
  return { done };
}

for (const [what, options] of [
  ["the default namespace", {}],
  ["a namespace of glob characters", { namespace: "m[e]d*?\\" }],
  ["a keyPrefix", { redisOptions: { keyPrefix: "shop[1]*:" } }],
]) {
  test(`with ${what} releaseAll hands locks to those that wait, and tells jobs of other instances at once`, async () => {
    const [one, other] = [await bed.boot(options), await bed.boot(options)];
    const { done } = await hold(one.locking, "k");
    const waits = other.locking.execute("k", async () => "served");
    const told = refused(done, { code: "LOCK_LOST" });
    await other.locking.releaseAll();
    assert.equal(await waits, "served");
    await told;
  });
}

test("releaseAll of an owner hands over that owner's locks only", async () => {
  const { locking } = await bed.boot();
  await locking.acquire(["a", "b"], { ownerId: "one", expire: EXPIRE_S });
  await locking.acquire("c", { ownerId: "two", expire: EXPIRE_S });
  const calls = ["a", "b", "c"].map((key) => locking.execute(key, async () => key));
  for (const key of ["a", "b", "c"]) await untilWaiting(bed, key, 1);
  await locking.releaseAll({ ownerId: "one" });
  assert.deepEqual(await Promise.all(calls.slice(0, 2)), ["a", "b"]);
  assert.deepEqual(await bed.owners(), { "medusa_lock:c": "two" });
  await locking.release("c", { ownerId: "two" });
  assert.equal(await calls[2], "c");
});

test("releaseAll while locks change under it strands nobody and leaves nothing", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  const keys = Array.from({ length: 50 }, (_, number) => `k${number}`);
  let [running, lost] = [true, 0];
  const callers = [one, other, one, other].map(async ({ locking }, caller) => {
    for (let count = 0; count < 300; count += 1) {
      await locking
        .execute(keys[(count * 7 + caller) % 50], () => new Promise(setImmediate))
        .catch(({ code }) => {
          assert.equal(code, "LOCK_LOST");
          lost += 1;
        });
    }
  });
  const sweeper = (async () => {
    while (running) await other.locking.releaseAll();
  })();
  await Promise.all(callers);
  running = false;
  await sweeper;
  await until("nothing is locked", async () => (await bed.locks()).length === 0);
  assert.ok(lost > 0, "no lock was taken away while it was held: the test shows nothing");
});
