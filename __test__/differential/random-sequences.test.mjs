// Seeded random sequences over few keys, owners and arguments. A failure prints its seed: MLR_SEED=<seed> runs that sequence alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { randomOf } from "../../harness/histories/random.mjs";
import { TESTING_OFFICIAL } from "../../harness/installed.mjs";
import { openTestbed } from "../support/testbed.mjs";
import { IMPROVEMENTS } from "./improvements.mjs";
import { openSideBySide, tooSlow } from "./side-by-side.mjs";

const bed = openTestbed();

const SEQUENCES = 250;
const STEPS = 12;
const FIRST_SEED = 20_240_601;

const KEYS = ["a", "b", "c"];
const OWNERS = [undefined, undefined, "*", "me", "me", "you", null, ""];
const EXPIRES = [undefined, undefined, 0, Number.NaN, -5, 1, 30, 100, "40", " 7 ", "abc", "", null, true, 1.5];
const ODD_OWNERS = ["execute:x", "grant:", 7, Number.NaN, {}];
const ODD_KEYS = [undefined, 3, null];

function someKeys(random) {
  if (random.chance(0.02)) return random.of(ODD_KEYS);
  if (random.chance(0.6)) return random.of(KEYS);
  return Array.from({ length: random.below(4) }, () => random.of(KEYS));
}

function nextStep(random, held) {
  const ownerId = random.chance(0.03) ? random.of(ODD_OWNERS) : random.of(OWNERS);
  const expire = random.of(EXPIRES);
  const args = random.chance(0.1) ? undefined : { ownerId, ...(random.chance(0.7) && { expire }) };
  const roll = random.below(100);
  if (roll < 50) return { method: "acquire", keys: someKeys(random), args };
  if (roll < 80) return { method: "release", keys: someKeys(random), args };
  if (roll < 88) return { method: "releaseAll", args: random.chance(0.3) ? undefined : { ownerId } };
  // With a held key, both calls would wait for a second. The call table has this case.
  const free = KEYS.filter((key) => !Object.hasOwn(held, key));
  const job = random.chance(0.3) ? () => Promise.reject(new Error("the job failed")) : undefined;
  return { method: "execute", keys: random.chance(0.5) ? free : (free[0] ?? []), args: { expire, timeout: 1 }, ...(job && { job }) };
}

async function runSequence(both, seed) {
  await both.clear();
  const random = randomOf(seed);
  const startedAt = performance.now();
  let held = {};
  try {
    for (let i = 0; i < STEPS; i += 1) held = await both.step(nextStep(random, held));
  } catch (error) {
    // A lock of one second can expire on one side and not yet on the other.
    if (tooSlow(startedAt)) return false;
    throw new Error(`seed ${seed}: ${error.message}`, { cause: error });
  }
  return true;
}

test("random sequences of calls give the same on the official provider and on ours", async () => {
  const both = await openSideBySide(bed);
  if (process.env.MLR_SEED) {
    await runSequence(both, Number(process.env.MLR_SEED));
    return;
  }
  let complete = 0;
  for (let i = 0; i < SEQUENCES; i += 1) if (await runSequence(both, FIRST_SEED + i)) complete += 1;
  assert.ok(complete >= SEQUENCES / 2, `only ${complete} of ${SEQUENCES} sequences ran fast enough to be compared`);
  if (TESTING_OFFICIAL) return;
  assert.deepEqual(
    [...both.met].sort(),
    IMPROVEMENTS.filter((one) => !one.slow)
      .map((one) => one.id)
      .sort(),
    "an improvement that the sequences never met is not tested",
  );
});
