import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deferred, NS, openTestbed, until } from "../support/testbed.mjs";
import { scriptsSoFar, untilWaiting } from "./support.mjs";

const bed = openTestbed();

/**
 * Holds "k" in the instance while `calls` are made and park, and then frees it. Resolves with the results of the calls, and the number of
 * scripts since then.
 */
async function behindAHolder({ locking }, calls) {
  const end = deferred();
  const holder = locking.execute("k", () => end.promise);
  const made = await calls();
  await untilWaiting(bed, "k", 1);
  // By then the last of the calls has parked, too.
  await sleep(50);
  const before = await scriptsSoFar(bed);
  end.resolve();
  const ended = await Promise.allSettled(made);
  await holder;
  return { ended, scripts: (await scriptsSoFar(bed)) - before };
}

test("calls of one instance that came first follow one another, one at a time, with rising tokens, and Redis hears little of it", async () => {
  const instance = await bed.boot();
  const tokens = [];
  let inside = 0;
  const job = async (_signal, lock) => {
    inside += 1;
    assert.equal(inside, 1);
    tokens.push(lock.fencingTokens.k);
    await null;
    lock.assertHeld();
    inside -= 1;
  };
  const calls = () => Array.from({ length: 12 }, () => instance.locking.execute("k", job, { timeout: 20 }));
  const { ended, scripts } = await behindAHolder(instance, calls);
  assert.deepEqual(new Set(ended.map(({ status }) => status)), new Set(["fulfilled"]));
  assert.equal(new Set(tokens).size, 12);
  assert.deepEqual(
    tokens,
    tokens.toSorted((one, other) => one - other),
  );
  // On a busy machine a cohort may end early. Without any cohort there would be twelve scripts.
  assert.ok(scripts < 12, `${scripts} scripts`);
  assert.deepEqual(await bed.locks(), []);
});

test("a call of another instance that came in between is served in between", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  const served = [];
  const call = ({ locking }, number) => locking.execute("k", async () => served.push(number), { timeout: 20 });
  const calls = async () => {
    const first = [call(one, 0), call(one, 1)];
    await untilWaiting(bed, "k", 1);
    const between = call(other, 2);
    await untilWaiting(bed, "k", 2);
    return [...first, between, call(one, 3)];
  };
  await behindAHolder(one, calls);
  assert.deepEqual(served, [0, 1, 2, 3]);
});

test("calls that come together are parked together, served in order of arrival with rising tokens, and handed over as one", async () => {
  const [holder, one, other] = [await bed.boot(), await bed.boot(), await bed.boot()];
  const end = deferred();
  const held = holder.locking.execute("k", () => end.promise);
  await until("k is held", async () => (await bed.locks()).length === 1);
  const served = [];
  const five = ({ locking }, name) =>
    Array.from({ length: 5 }, (_, at) =>
      locking.execute("k", async (_signal, lock) => served.push([`${name}${at}`, lock.fencingTokens.k]), { timeout: 20 }),
    );
  const before = await scriptsSoFar(bed);
  const first = five(one, "one");
  await untilWaiting(bed, "k", 1);
  const second = five(other, "other");
  await untilWaiting(bed, "k", 2);
  end.resolve();
  await Promise.all([held, ...first, ...second]);
  const names = ["one", "other"].flatMap((name) => [0, 1, 2, 3, 4].map((at) => `${name}${at}`));
  assert.deepEqual(
    served.map(([name]) => name),
    names,
  );
  const tokens = served.map(([, token]) => token);
  assert.deepEqual(
    tokens,
    [...new Set(tokens)].sort((a, b) => a - b),
  );
  // If each of the ten calls parked and were handed over for itself, there would be twenty scripts.
  const scripts = (await scriptsSoFar(bed)) - before;
  assert.ok(scripts < 20, `${scripts} scripts`);
  assert.deepEqual(await bed.locks(), []);
});

test("a lock that is deleted while calls follow one another is told to the call that had it", async () => {
  const instance = await bed.boot();
  const calls = () => [
    instance.locking.execute("k", async () => "before", { timeout: 20 }),
    instance.locking.execute("k", () => bed.command("DEL", `${NS}k`), { timeout: 20 }),
    instance.locking.execute("k", async () => "after", { timeout: 20 }),
  ];
  const { ended } = await behindAHolder(instance, calls);
  // Redis is asked after a job's end, so the call before it may be told of the loss, too. The call that had the lock is always told.
  assert.equal(ended[0].value ?? ended[0].reason.code, ended[0].value ? "before" : "LOCK_LOST");
  assert.equal(ended[1].reason?.code, "LOCK_LOST");
  assert.deepEqual(await bed.locks(), []);
});
