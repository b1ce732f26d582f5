// The scenarios that are measured in rounds. Within a round the contestants take turns, and the order changes from round to round.

import { median, ratio } from "./stats.mjs";

const throughput = (result, params, redisUs) => ({
  executesPerSecond: (params.count / result.elapsedUs) * 1e6,
  nodeCpuUs: result.cpuUs / params.count,
  redisCpuUs: redisUs / params.count,
});

const PLANS = {
  sequential: {
    contestants: ["official", "bare", "ours"],
    params: (quick) => ({ count: quick ? 300 : 3000 }),
    figures: (result, params) => ({ timePerExecuteUs: result.medianUs, nodeCpuUs: result.cpuUs / params.count }),
  },
  parallel: {
    contestants: ["official", "bare", "ours"],
    params: (quick) => ({ count: quick ? 4000 : 40_000, width: 256 }),
    figures: throughput,
  },
  tls: {
    contestants: ["official", "ours"],
    task: "parallel",
    params: (quick) => ({ count: quick ? 4000 : 40_000, width: 256 }),
    figures: throughput,
  },
  signal: {
    // Bare ioredis has no signal.
    contestants: ["official", "ours"],
    task: "parallelWithSignal",
    params: (quick) => ({ count: quick ? 4000 : 40_000, width: 256 }),
    figures: throughput,
  },
  cluster: {
    // The official package does not support clusters, so the comparison is with code that is written by hand.
    base: "bare",
    contestants: ["bare", "ours"],
    task: "parallel",
    params: (quick) => ({ count: quick ? 4000 : 40_000, width: 256 }),
    figures: throughput,
  },
  // Bare ioredis does not wait, so scenarios with contended keys leave it out.
  rush: {
    contestants: ["official", "ours"],
    params: (quick) => ({ count: quick ? 400 : 1000, width: 200 }),
    figures: throughput,
  },
  hot: {
    contestants: ["official", "ours"],
    params: (quick) => ({ count: quick ? 400 : 1000, width: 200 }),
    figures: throughput,
  },
};

/** Whether this scenario is one of those measured in rounds. */
export const isMeasuredInRounds = (scenario) => scenario in PLANS;

/**
 * @param {string} scenario
 * @param {Map<string, object>} running contestants by name, as `startContestant` returns them
 * @param {object} options
 * @param {number} options.rounds
 * @param {boolean} options.quick
 * @param {object} options.observer a connection to the server, to read its CPU time
 * @param {(text: string) => void} options.progress
 * @returns {Promise<object>} parameters, figures per contestant (`median` and `rounds`), ratios to the official package, or to the
 *   contestant that takes its place
 */
export async function runInRounds(scenario, running, { rounds, quick, observer, progress }) {
  const plan = PLANS[scenario];
  const params = plan.params(quick);
  const names = plan.contestants.filter((name) => running.has(name));
  const warmUp = { ...params, count: Math.max(Math.ceil(params.count / 10), Math.min(params.count, 200)) };
  const task = plan.task ?? scenario;
  for (const name of names) await running.get(name).run(task, warmUp);

  const samples = new Map(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    progress(`${scenario}: round ${round + 1} of ${rounds}`);
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length];
      // If Redis knows the official package's script, ours makes room for callers of that package, which may be waiting.
      await observer.command("SCRIPT", "FLUSH");
      await running.get(name).run(task, warmUp);
      const before = await redisCpuUs(observer);
      const result = await running.get(name).run(task, params);
      samples.get(name).push(plan.figures(result, params, (await redisCpuUs(observer)) - before));
    }
  }
  return { params, rounds, contestants: summarise(samples), ratios: ratiosTo(plan.base ?? "official", samples) };
}

/** The CPU time that the server, or the nodes of the cluster, have used so far. */
async function redisCpuUs(observer) {
  const infos = [await observer.command("INFO", "cpu")].flat();
  const seconds = (info, field) => Number(new RegExp(`^${field}:([\\d.]+)`, "m").exec(info)[1]);
  return infos.reduce((sum, info) => sum + seconds(info, "used_cpu_user") + seconds(info, "used_cpu_sys"), 0) * 1e6;
}

function columns(rows) {
  return Object.fromEntries(Object.keys(rows[0]).map((figure) => [figure, rows.map((row) => row[figure])]));
}

function summarise(samples) {
  const summary = {};
  for (const [name, rows] of samples) {
    const figures = Object.entries(columns(rows)).map(([figure, values]) => [figure, { median: median(values), rounds: values }]);
    summary[name] = Object.fromEntries(figures);
  }
  return summary;
}

function ratiosTo(name, samples) {
  if (!samples.has(name)) return {};
  const base = columns(samples.get(name));
  const ratios = {};
  for (const [other, rows] of samples) {
    if (other === name) continue;
    const mine = columns(rows);
    ratios[other] = Object.fromEntries(Object.keys(base).map((figure) => [figure, ratio(mine[figure], base[figure])]));
  }
  return ratios;
}
