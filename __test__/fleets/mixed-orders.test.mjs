// Instances of the official package, and instances of ours that poll, get their share of a key that ours keep busy, whoever was there first.

import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { OFFICIAL } from "../../harness/installed.mjs";
import { OURS_ONLY, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

const JOB_MS = 5;
const HEAD_START_MS = 1_000;
/** After this time, an official holder that was seen is forgotten. */
const REMEMBERED_MS = 30_000;

const KINDS = {
  ours: () => bed.boot(),
  "ours by RESP2": () => bed.boot(bed.options({ redisOptions: { protocol: 2 } })),
  official: () => bed.boot({}, { resolve: OFFICIAL }),
};

/** The keys of the jobs that run at the moment. A key may have one job at a time. */
const inside = new Map();

/**
 * Runs callers that ask for one key again and again.
 *
 * @returns {Promise<{ jobs: number, timeouts: number }>} when `ms` are over and all calls have ended
 */
async function contend({ locking }, key, { callers, ms, jobMs = JOB_MS }) {
  const seen = { jobs: 0, timeouts: 0 };
  const end = Date.now() + ms;
  const job = async () => {
    assert.equal(inside.get(key), undefined, "two jobs at once");
    inside.set(key, true);
    await sleep(jobMs);
    inside.delete(key);
    seen.jobs += 1;
  };
  const caller = async () => {
    while (Date.now() < end) {
      await locking.execute(key, job, { timeout: 5 }).catch((error) => {
        assert.match(error.message, /Timed-out acquiring lock/);
        seen.timeouts += 1;
      });
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return seen;
}

/** Asserts that each side has at least a twentieth of all jobs, and that no call of ours timed out. */
function isServed(ours, other, what) {
  const figures = `${what}: ${JSON.stringify({ ours, other })}`;
  assert.ok(other.jobs >= 0.05 * (ours.jobs + other.jobs), figures);
  assert.ok(ours.jobs >= 0.05 * (ours.jobs + other.jobs), figures);
  assert.equal(ours.timeouts, 0, figures);
  return figures;
}

for (const kind of ["ours by RESP2", "official"]) {
  for (const callers of [1, 2, 4]) {
    test(`${callers} of each at a time: ours and ${kind} are both served, whichever begins`, OURS_ONLY, async () => {
      const both = await Promise.all([KINDS.ours(), KINDS[kind]()]);
      const orders = { "ours first": [0, HEAD_START_MS], "both at once": [0, 0], "ours last": [HEAD_START_MS, 0] };
      // Each order has a key of its own, and all run at the same time.
      const inOrder = async ([order, after]) => {
        const side = async (booted, ms) => {
          await sleep(ms);
          return contend(booted, `busy-${order}`, { callers, ms: 6_000 - ms });
        };
        const [ours, other] = await Promise.all(both.map((booted, at) => side(booted, after[at])));
        const figures = isServed(ours, other, order);
        // Callers of the official package make one another time out, even without ours.
        if (kind !== "official") assert.equal(other.timeouts, 0, figures);
        else assert.ok(other.timeouts <= callers, figures);
      };
      await Promise.all(Object.entries(orders).map(inOrder));
      assert.deepEqual(await bed.locks(), []);
    });
  }
}

for (const callers of [1, 2]) {
  test(`${callers} of each at a time: ours and ours by RESP2 are both served when jobs last longer than a turn`, OURS_ONLY, async () => {
    const both = await Promise.all([KINDS.ours(), KINDS["ours by RESP2"]()]);
    const orders = { "ours first": [0, HEAD_START_MS], "ours last": [HEAD_START_MS, 0] };
    const inOrder = async ([order, after]) => {
      const side = async (booted, ms) => {
        await sleep(ms);
        return contend(booted, `long-${order}`, { callers, jobMs: 500, ms: 8_000 - ms });
      };
      const [ours, other] = await Promise.all(both.map((booted, at) => side(booted, after[at])));
      const figures = isServed(ours, other, order);
      assert.equal(other.timeouts, 0, figures);
    };
    await Promise.all(Object.entries(orders).map(inOrder));
    assert.deepEqual(await bed.locks(), []);
  });
}

test("an official instance that comes back after it was forgotten is served again", OURS_ONLY, async () => {
  const [ours, official] = await Promise.all([KINDS.ours(), KINDS.official()]);
  await contend(official, "busy", { callers: 3, ms: 1_000 });
  await Promise.all([ours, official].map((booted) => contend(booted, "busy", { callers: 3, ms: 2_000 })));
  const alone = await contend(ours, "busy", { callers: 3, ms: REMEMBERED_MS + 3_000 });
  assert.equal(alone.timeouts, 0);
  const again = await Promise.all([ours, official].map((booted) => contend(booted, "busy", { callers: 3, ms: 6_000 })));
  isServed(again[0], again[1], "again");
});
