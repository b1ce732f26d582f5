// Two processes of different kinds on one busy key, as during a rolling deployment: measures the share of each. For comparison there are
// fleets of one kind only.

import { startContestant } from "./processes.mjs";
import { median } from "./stats.mjs";

const JOB_MS = 5;
const TIMEOUT_S = 5;
const HEAD_START_MS = 1_000;
const CALLERS = [1, 2, 4];

/** The kinds of processes. `RESP2` has no pushes, so such an instance polls. */
const KINDS = {
  ours: { name: "ours" },
  polling: { name: "ours", options: { redisOptions: { protocol: 2 } } },
  official: { name: "official" },
};

/** How much later than the first process the second one starts; below zero: earlier. */
const ORDERS = { "first before": HEAD_START_MS, "both at once": 0, "first after": -HEAD_START_MS };

/** Pairs of processes in each order of their starts, and controls, which have only one order. */
function plans(names) {
  const mixed = ["official", "polling"].flatMap((second) =>
    CALLERS.flatMap((callers) => Object.keys(ORDERS).map((order) => ({ first: "ours", second, callers, order }))),
  );
  const alone = (kind, more) => CALLERS.map((callers) => ({ first: kind, second: kind, callers, order: "both at once", ...more }));
  const all = [
    ...mixed,
    ...alone("official"),
    ...alone("ours"),
    ...alone("ours", { used: true, note: "the official package was used before" }),
  ];
  return all.filter(({ first, second, used }) =>
    [first, second, ...(used ? ["official"] : [])].every((kind) => names.includes(KINDS[kind].name)),
  );
}

/**
 * @param {string[]} names contestants that take part
 * @param {object} context `url`, `observer`, `rounds`, `quick`, `progress`
 * @returns {Promise<object>} `rows`: each plan with shares, jobs, time-outs and longest waits of both processes
 */
export async function runMixed(names, { url, observer, rounds, quick, progress }) {
  const times = quick ? 1 : rounds;
  const rows = plans(names).map((plan) => ({ ...plan, runs: [] }));
  for (let round = 0; round < times; round += 1) {
    for (const row of rows) {
      progress(`fleets: round ${round + 1} of ${times}, ${titleOf(row)}`);
      await observer.command("FLUSHALL");
      await observer.command("SCRIPT", "FLUSH");
      row.runs.push(await run(row, url, quick ? 4_000 : 10_000));
    }
  }
  return { rounds: times, rows: rows.map(({ runs, ...plan }) => ({ ...plan, ...summary(runs) })) };
}

async function run({ first, second, callers, order, used }, url, measuredMs) {
  if (used) await useOnce(url);
  const fleet = await Promise.all([first, second].map((kind) => startContestant(KINDS[kind].name, url, {}, KINDS[kind].options)));
  try {
    const { now } = await fleet[0].run("clock", {});
    const later = ORDERS[order];
    const begins = [now + 200 + Math.max(-later, 0), now + 200 + Math.max(later, 0)];
    const from = Math.max(...begins);
    const plan = { callers, jobMs: JOB_MS, timeout: TIMEOUT_S, from, end: from + measuredMs };
    return await Promise.all(fleet.map((one, at) => one.run("mixed", { ...plan, begin: begins[at] })));
  } finally {
    for (const contestant of fleet) contestant.stop();
  }
}

/** Leaves the official package's scripts on the server, but no connection of that package. */
async function useOnce(url) {
  const contestant = await startContestant("official", url);
  await contestant.run("sequential", { count: 1 });
  contestant.stop();
  await contestant.exited;
}

function summary(runs) {
  const shares = runs.map(([first, second]) => second.jobs / Math.max(first.jobs + second.jobs, 1));
  const both = (pick) => [0, 1].map((side) => pick(runs.map((sides) => sides[side])));
  return {
    secondShare: { median: median(shares), least: Math.min(...shares), most: Math.max(...shares) },
    jobs: both((sides) => median(sides.map(({ jobs }) => jobs))),
    timeouts: both((sides) => sides.reduce((sum, { timeouts }) => sum + timeouts, 0)),
    longestMs: both((sides) => Math.max(...sides.map(({ longestMs }) => longestMs))),
    others: both((sides) => sides.flatMap(({ problems }) => problems)),
  };
}

const titleOf = ({ first, second, callers, order, note }) =>
  `${first} and ${second}, ${callers} callers each, ${note ?? (first === second ? "alone" : order)}`;

/**
 * @param {object} result the result of `runMixed`
 * @returns {string[][]} rows of a table
 */
export function mixedRows({ rounds, rows }) {
  const percent = (share) => `${(share * 100).toFixed(1)} %`;
  const two = ([one, other], unit = "") => `${Math.round(one)}${unit} / ${Math.round(other)}${unit}`;
  return [
    [`first and second, ${rounds} ${rounds === 1 ? "round" : "rounds"}`, "share of second", "least", "jobs", "time-outs", "longest wait"],
    ...rows.map((row) => [
      titleOf(row),
      percent(row.secondShare.median),
      percent(row.secondShare.least),
      two(row.jobs),
      two(row.timeouts),
      two(row.longestMs, " ms"),
    ]),
    ...rows.flatMap((row) => [...new Set(row.others.flat())].map((text) => [`${titleOf(row)}: ${text}`, "", "", "", "", ""])),
  ];
}
