// The scenarios that are observed instead of timed: a blocked event loop, and callers that want the same two keys.

import { setTimeout as sleep } from "node:timers/promises";
import { startContestant } from "./processes.mjs";

const BLOCK_MS = 3000;
const SAMPLE_MS = 10;
const OBSERVED = ["official", "ours"];

const SCENARIOS = { stall, pairs };

/**
 * @param {string} scenario `stall` or `pairs`
 * @param {string[]} names contestants that take part
 * @param {object} context
 * @param {string} context.url
 * @param {object} context.observer an independent connection to the server
 * @param {boolean} context.quick
 * @param {(text: string) => void} context.progress
 * @returns {Promise<object>} the observations, by contestant
 */
export async function runObserved(scenario, names, context) {
  const contestants = {};
  for (const name of names.filter((one) => OBSERVED.includes(one))) {
    context.progress(`${scenario}: ${name}`);
    // Each run has a new process, because calls of the official package may never end.
    const contestant = await startContestant(name, context.url);
    try {
      contestants[name] = await SCENARIOS[scenario](contestant, context);
    } finally {
      contestant.stop();
      await context.observer.command("FLUSHALL");
    }
  }
  return { contestants };
}

async function stall(contestant, { observer }) {
  const name = "medusa_lock:stall";
  const samples = [];
  let done = false;
  const watch = (async () => {
    while (!done) {
      const at = Date.now();
      samples.push({ at, free: (await observer.command("EXISTS", name)) === 0 });
      await sleep(SAMPLE_MS);
    }
  })();
  let result;
  try {
    result = await contestant.run("stall", { key: "stall", blockMs: BLOCK_MS, expire: 1 });
  } finally {
    done = true;
    await watch;
  }
  const during = samples.filter(({ at }) => at >= result.from && at <= result.to);
  const free = during.filter((sample) => sample.free).length;
  return {
    blockedMs: result.to - result.from,
    leaseMs: 1000,
    samples: during.length,
    freeShare: free / during.length,
    outcome: result.outcome,
  };
}

async function pairs(contestant, { quick }) {
  const params = { callers: 40, jobMs: 2, limitMs: quick ? 5000 : 20_000 };
  const result = await contestant.run("pairs", params, { timeoutMs: params.limitMs + 30_000 });
  return { ...result, limitMs: params.limitMs };
}
