// The task of a contestant in the scenario `steady`.

import fs from "node:fs";

const TICK_MS = 25;
/** So many calls are pending only if the contestant cannot keep up. Then no more calls are made. */
const MOST_PENDING = 5_000;
const OPEN_FILES = "/proc/self/fd";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const STEADY_TASKS = {
  /**
   * Makes so many calls per second. Among ten calls, eight execute on a key that was never used before, one is a contended execute on one
   * of two keys, and one takes a lock and gives it back by its owner's name. Tells a sample regularly, after a garbage collection.
   */
  async steady(contestant, { minutes, samples, perSecond }, tell) {
    const counts = { done: 0, failed: 0, skipped: 0 };
    let pending = 0;
    let made = 0;
    const call = async (n) => {
      const kind = n % 10;
      if (kind === 0) {
        const ownerId = `owner-${n}`;
        await contestant.acquire(`named-${n}`, { ownerId, expire: 10 });
        await contestant.release(`named-${n}`, { ownerId });
      } else if (kind === 1) await contestant.execute(`hot-${Math.floor(n / 10) % 2}`, () => sleep(2), { timeout: 30 });
      else await contestant.execute(`new-${n}`, async () => {});
    };
    const start = async () => {
      pending += 1;
      made += 1;
      try {
        await call(made);
        counts.done += 1;
      } catch {
        counts.failed += 1;
      }
      pending -= 1;
    };
    const lengthMs = minutes * 60_000;
    const from = performance.now();
    let told = 0;
    for (let elapsed = 0; elapsed < lengthMs; elapsed = performance.now() - from) {
      const due = Math.floor((elapsed / 1_000) * perSecond) - made - counts.skipped;
      for (let n = 0; n < due; n += 1) {
        if (pending < MOST_PENDING) start();
        else counts.skipped += 1;
      }
      if (elapsed >= ((told + 1) * lengthMs) / (samples + 1)) {
        told += 1;
        await tell({ note: sample(elapsed) });
      }
      await sleep(TICK_MS);
    }
    while (pending > 0) await sleep(TICK_MS);
    return counts;
  },
};

function sample(elapsedMs) {
  globalThis.gc();
  const { rss, heapUsed } = process.memoryUsage();
  const fileHandles = fs.existsSync(OPEN_FILES) ? fs.readdirSync(OPEN_FILES).length : undefined;
  return { elapsedMs, rssBytes: rss, heapBytes: heapUsed, fileHandles };
}
