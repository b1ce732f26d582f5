// One key that several processes want.

import { quantile } from "../stats.mjs";

/** The number of callers in each process. */
const CALLERS = 8;
const TIMEOUT_S = 5;
const WARM_UP_MS = 500;
/** This is longer than the longest wait of a call, so a call that waits so long is seen. */
const MEASURED_MS = 6_000;

const CELLS = [
  { jobMs: 0, processes: 4 },
  { jobMs: 5, processes: 1 },
  { jobMs: 5, processes: 4 },
  { jobMs: 5, processes: 8 },
  { jobMs: 20, processes: 4 },
];

/** All cells use the same processes. In each cell as many of them take part as the cell says. */
export async function busy(name, { start, quick, observer }) {
  const fleet = await Promise.all(Array.from({ length: Math.max(...CELLS.map(({ processes }) => processes)) }, () => start(name)));
  try {
    const measured = {};
    for (const { jobMs, processes } of CELLS) {
      measured[`${jobMs} ms, ${processes} ${processes === 1 ? "process" : "processes"}`] = await cell(
        fleet.slice(0, processes),
        jobMs,
        quick ? 1_000 : MEASURED_MS,
      );
      await observer.command("FLUSHALL");
    }
    return measured;
  } finally {
    for (const contestant of fleet) contestant.stop();
    await Promise.all(fleet.map(({ exited }) => exited));
  }
}

async function cell(fleet, jobMs, measuredMs) {
  const { now } = await fleet[0].run("clock", {});
  const begin = now + 100;
  const from = begin + WARM_UP_MS;
  const plan = { callers: CALLERS, keys: 1, choose: "same", jobMs, timeout: TIMEOUT_S, begin, from, end: from + measuredMs };
  const runs = fleet.map((one, at) => one.run("visits", { ...plan, first: at * CALLERS }, { timeoutMs: 60_000 }));
  const results = await Promise.all(runs);
  const sum = (figure) => results.reduce((total, result) => total + result[figure], 0);
  const waits = results.flatMap((result) => result.waits).sort((a, b) => a - b);
  const failures = results.flatMap(({ problems }) => Object.values(problems)).reduce((total, count) => total + count, 0);
  return {
    jobsPerSecond: (sum("jobs") / measuredMs) * 1_000,
    // The time of empty jobs is too short to be measured.
    ...(jobMs > 0 ? { busyShare: sum("busyMs") / measuredMs } : {}),
    waitP50Ms: quantile(waits, 0.5),
    waitP99Ms: quantile(waits, 0.99),
    // This includes calls that were still waiting at the end.
    waitMaxMs: Math.max(...results.map(({ longestMs }) => longestMs)),
    withoutJob: sum("withoutJob"),
    failed: failures,
  };
}
