// The tasks of the process of `scale`: very many calls, locks or keys at the same time. In each phase the longest block of the event loop
// is measured from the end of the loop that makes the calls. So the block belongs to the provider and not to that loop.

import { once } from "node:events";
import { performance } from "node:perf_hooks";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const EXPIRE_S = 600;
/** All these keys are in one slot, so that the warm-up uses none of the slots that `first` measures. */
const WARM = (at) => `{warm}${at}`;
const WARM_UPS = 500;

/** Watches the event loop: the longest time in which no timer could fire. */
function watchLoop() {
  let last = performance.now();
  let longest = 0;
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, 1);
  return () => {
    clearInterval(timer);
    look();
    return longest;
  };
}

/**
 * Makes calls in one turn and waits for all of them.
 *
 * @param {number} count
 * @param {(at: number) => Promise<any> | any} call
 * @param {() => void} [then] runs when all calls are made; its time is included
 * @returns {Promise<object>} per call, in microseconds: the time to make it, the whole time and the CPU time; also the longest block
 *   afterwards, in milliseconds
 */
async function phase(count, call, then) {
  globalThis.gc?.();
  await sleep(50);
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const calls = [];
  for (let at = 0; at < count; at += 1) calls.push(call(at));
  const made = performance.now();
  const blocked = watchLoop();
  then?.();
  const outcomes = await Promise.allSettled(calls);
  const longest = blocked();
  const used = process.cpuUsage(cpu);
  const ended = performance.now();
  return {
    makeUs: ((made - begun) * 1_000) / count,
    allUs: ((ended - begun) * 1_000) / count,
    cpuUs: (used.user + used.system) / count,
    blockMs: longest,
    failed: outcomes.filter(({ status }) => status === "rejected").length,
  };
}

const args = (at, more) => ({ ownerId: `o${at}`, expire: EXPIRE_S, ...more });
const warmUp = async (contestant, more) => {
  for (let time = 0; time < 2; time += 1) {
    const keys = Array.from({ length: WARM_UPS }, (_, at) => WARM(at));
    await Promise.all(keys.map((key, at) => contestant.acquire(key, args(at, more))));
    await Promise.all(keys.map((key, at) => contestant.release(key, args(at))));
    await Promise.all(keys.map((key) => contestant.execute(key, async (_signal) => {})));
  }
};

const RENEWED = { renew: true };
const KEPT = { onHeld() {}, onLost() {} };

/** Takes so many locks of `acquire` at once, and then releases them one by one. */
async function takeAndGive(contestant, count, more) {
  await warmUp(contestant, more);
  return {
    acquire: await phase(count, (at) => contestant.acquire(`k${at}`, args(at, more))),
    release: await phase(count, (at) => contestant.release(`k${at}`, { ownerId: `o${at}` })),
  };
}

/** Takes the same locks, and then takes all of them away with one call. This phase ends with the reply to that call. */
async function takeAndFree(contestant, count, more) {
  await warmUp(contestant, more);
  await phase(count, (at) => contestant.acquire(`k${at}`, args(at, more)));
  return { releaseAll: perItem(await phase(1, () => contestant.releaseAll()), count) };
}

/** The figures of one call for many items, per item. */
function perItem(whole, count) {
  return { ...whole, ...Object.fromEntries(["makeUs", "allUs", "cpuUs"].map((figure) => [figure, whole[figure] / count])) };
}

export const SCALE_TASKS = {
  /** As many jobs at once, on keys (and so slots) that this process has never used. */
  async first(contestant, { count }) {
    await warmUp(contestant);
    const job = async (_signal) => {};
    return {
      "first use": await phase(count, (at) => contestant.execute(`k${at}`, job, { timeout: 60 })),
      "second use": await phase(count, (at) => contestant.execute(`k${at}`, job, { timeout: 60 })),
    };
  },

  /** Locks that are renewed. */
  renewed: (contestant, { count }) => takeAndGive(contestant, count, RENEWED),
  renewedAll: (contestant, { count }) => takeAndFree(contestant, count, RENEWED),

  /** Locks whose callers have callbacks. */
  kept: (contestant, { count }) => takeAndGive(contestant, count, KEPT),
  keptAll: (contestant, { count }) => takeAndFree(contestant, count, KEPT),

  /**
   * Calls whose time limit ends while Redis is away: measures how late the last of them learns of it. `tell` asks the parent to take Redis
   * away.
   */
  async outage(contestant, { count, timeoutS }, tell) {
    await warmUp(contestant);
    await tell({ note: "away" });
    await once(process, "message");
    let late = 0;
    const call = async (at) => {
      const due = performance.now() + timeoutS * 1_000;
      try {
        await contestant.execute(`k${at}`, async () => {}, { timeout: timeoutS });
      } finally {
        late = Math.max(late, performance.now() - due);
      }
    };
    const ended = await phase(count, call);
    // The wait itself is no cost.
    return { "time-out": { ...ended, allUs: ended.allUs - (timeoutS * 1e6) / count, lateMs: late } };
  },

  /** One lock with very many keys, whose tokens are read. */
  async tokens(contestant, { count }) {
    await warmUp(contestant);
    const keys = Array.from({ length: count }, (_, at) => `k${at}`);
    let read;
    const job = async (_signal, lock) => {
      const begun = performance.now();
      const found = Object.keys(lock.fencingTokens).length;
      const us = (performance.now() - begun) * 1_000;
      if (found !== count) throw new Error(`${found} tokens for ${count} keys`);
      read = { makeUs: us / count, allUs: us / count, cpuUs: us / count, blockMs: us / 1_000, failed: 0 };
    };
    const whole = await phase(1, () => contestant.execute(keys, job, { timeout: 60 }));
    if (read === undefined) throw new Error("the lock was not taken");
    return { "execute of all keys": perItem(whole, count), "reading the tokens": read };
  },

  /** One signal for many calls: for calls that succeed, and for calls that wait and are then aborted. */
  async signal(contestant, { count }) {
    await warmUp(contestant);
    const job = async (_signal) => {};
    const never = new AbortController();
    const good = await phase(count, (at) => contestant.execute(`k${at}`, job, { timeout: 60, signal: never.signal }));
    await contestant.acquire("held", { ownerId: "somebody", expire: EXPIRE_S });
    const controller = new AbortController();
    const wait = () => contestant.execute("held", job, { timeout: 600, signal: controller.signal });
    const aborted = await phase(count, wait, () => controller.abort());
    return { "calls that succeed": good, "calls that are aborted": { ...aborted, failed: count - aborted.failed } };
  },
};
