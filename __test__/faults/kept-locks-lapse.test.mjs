// If callers of acquire never give their locks back, nothing of the locks may stay in this process, neither memory nor work.

import assert from "node:assert/strict";
import test from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { OURS_ONLY, openTestbed, until } from "../support/testbed.mjs";

const bed = openTestbed();

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

const LOCKS = 4_000;
const WIDTH = 500;
/** Each lock that stays in memory takes 2.4 KB. If none stays, the heap changes by much less. */
const GROWN_BYTES = LOCKS * 600;

/** Takes many locks of a second, and waits until Redis has none of them any more. */
async function lapse(locking, tag, callbacks) {
  for (let from = 0; from < LOCKS; from += WIDTH) {
    const some = Array.from({ length: WIDTH }, (_, at) => `${tag}-${from + at}`);
    await Promise.all(some.map((key) => locking.acquire(key, { ownerId: `owner of ${key}`, expire: 1, ...callbacks() })));
  }
  await until("all have lapsed", async () => (await bed.locks()).length === 0);
}

function heapBytes() {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

for (const [what, callbacks] of [
  ["onHeld", () => ({ onHeld() {} })],
  ["onHeld and onLost", () => ({ onHeld() {}, onLost() {} })],
]) {
  test(`locks with ${what} that lapse without a release are forgotten`, OURS_ONLY, async () => {
    const { locking, logs } = await bed.boot();
    // The first use allocates some things once, and compiles functions. This must not count as growth.
    await lapse(locking, "first", callbacks);
    const before = heapBytes();
    await lapse(locking, "second", callbacks);
    await lapse(locking, "third", callbacks);
    await until("nothing of them is left in memory", () => heapBytes() - before < GROWN_BYTES);
    assert.deepEqual(
      logs.filter(({ text }) => /\bjob\b/.test(text)).map(({ text }) => text),
      [],
      "nobody ran a job",
    );
  });
}

test("every lock with onLost that lapses is told once", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const told = new Map();
  let made = 0;
  await lapse(locking, "told", () => {
    const id = made++;
    return { onLost: () => told.set(id, (told.get(id) ?? 0) + 1) };
  });
  await until("all losses are told", () => told.size === LOCKS);
  assert.deepEqual([...new Set(told.values())], [1]);
});

test("renewed locks that are lost are forgotten, with callbacks and without", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const takeAll = async (tag) => {
    const keys = Array.from({ length: 1_000 }, (_, at) => `${tag}-${at}`);
    let lost = 0;
    await Promise.all(
      keys.map((key, at) =>
        locking.acquire(key, { ownerId: key, expire: 60, renew: true, ...(at % 2 === 0 ? { onLost: () => (lost += 1) } : {}) }),
      ),
    );
    await locking.releaseAll();
    await until("the losses are told", () => lost === keys.length / 2);
  };
  await takeAll("first");
  const before = heapBytes();
  for (const tag of ["second", "third", "fourth"]) await takeAll(tag);
  await until("nothing of them is left in memory", () => heapBytes() - before < 3 * 1_000 * 600);
});
