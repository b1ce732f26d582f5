// Prints the results as tables for people.

import { mixedRows } from "./mixed.mjs";
import { PEER_SCENARIOS } from "./peers/scenarios.mjs";
import { PEER_TABLES, peerTables } from "./publish/peer-tables.mjs";
import { scaleRows } from "./scale.mjs";
import { seenRows } from "./seen.mjs";
import { steadyRows } from "./steady.mjs";

const TITLES = {
  sequential: ({ params }) => `One at a time, ${params.count} executes of an empty job on distinct keys`,
  parallel: ({ params }) => `${params.width} at once, ${params.count} executes of an empty job on distinct keys`,
  tls: ({ params }) => `${params.width} at once over TLS, ${params.count} executes of an empty job on distinct keys`,
  signal: ({ params }) => `The same with a job that takes its signal, ${params.count} executes`,
  rush: ({ params }) =>
    `One hot key, ${params.width} callers in one process who come at once, once each; ${params.count} executes of an empty job`,
  hot: ({ params }) => `The same callers come back at once, ${params.count} executes`,
  stall: () => "Event loop blocked for 3 s under a lease of 1 s",
  busy: () => "One hot key, job of 5 ms, 4 processes x 25 callers",
  shelves: () => "10 keys, job of 20 ms, 4 processes x 25 callers",
  sets: () => "Random sets of two or three of 10 keys, job of 5 ms, 4 processes x 25 callers, timeout 30 s",
  burst: () => "One hot key, empty job, 4 processes x 8 callers who all come at once, once each; 15 times",
  empty: () => "The same callers come back at once, 50 times each; 5 times",
  handoff: () => "From the start of a release to the start of the next job, in another process",
  line: () => "A long line behind one held key in one process",
  gone: () => "Fifteen waiters in front, whose process is stopped or killed: until the next waiter of another process is served",
  steps: () => "The busy hot key by acquireLockStep of Medusa's core flows, timeout 30 s, 4 processes x 25 callers",
  seen: () => "256 at once on distinct keys, empty jobs, ours: what it costs that locks can be seen; again: plain once more, the noise",
  steady: () => "The same load for a long time: keys never used before, two busy keys, and locks that are given back by their owner's name",
  fleets: () => "Two processes on one busy key, job of 5 ms, timeout 5 s; polling: ours by RESP2",
  scale: () => "Very many at once in one process: time for each, and the longest block of the event loop",
  cluster: ({ params }) =>
    `${params.width} at once on a Redis Cluster of 3 masters, ${params.count} executes of an empty job; bare: SET and compare-and-delete by ioredis`,
  outage: () => "A master of a Redis Cluster killed under load, times after the kill; bare: SET and compare-and-delete by ioredis",
  failover: () => "A master killed under load, 2 processes on 8 keys, times after the kill; overlaps: two holders of a key at once",
  switchover: () => "A master replaced by SENTINEL FAILOVER under load, 2 processes on 8 keys; overlaps: two holders of a key at once",
  pairs: () => '40 callers at once of execute(["k1", "k2"]), job of 2 ms',
};

const FIGURES = {
  timePerExecuteUs: "time per execute (us)",
  executesPerSecond: "executes per second",
  nodeCpuUs: "Node CPU per execute (us)",
  redisCpuUs: "Redis CPU per execute (us)",
  jobsPerSecond: "jobs per second",
  busyShare: "share of the time spent in jobs",
  waitP50Ms: "wait, p50 (ms)",
  waitP99Ms: "wait, p99 (ms)",
  waitMaxMs: "longest wait (ms)",
  waitP99ToP50: "p99 / p50",
  failed: "calls that failed",
  waiters: "calls that wait",
  idlePerSecond: "commands per second while they wait",
  idlePerSecondOf500: "… with 500",
  bytesPerWaiter: "memory of each (bytes)",
  drainUsPerWaiter: "time for each, when the key is free (us)",
  drainUsPerWaiterOf500: "… with 500",
  hotKeyUsPerHold: "time for each hold of one busy key (us)",
  drainToHold: "time for each of those who wait / for each hold",
};

const number = (value) => (value >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3));
const times = (value) => `${value < 10 ? value.toFixed(2) : value.toFixed(1)} x`;

/**
 * @param {object} results the results of `runBenchmark`
 * @returns {string}
 */
export function report(results) {
  const parts = [
    `Node ${results.meta.node}, Redis ${results.meta.redis}, ${results.meta.cpu}; medians over ${results.meta.rounds} rounds.`,
  ];
  for (const [scenario, result] of Object.entries(results.scenarios)) {
    if (PEER_SCENARIOS.includes(scenario)) {
      parts.push(`\n${PEER_TABLES[scenario].title}\n${peerTables(scenario, result)}`);
      continue;
    }
    parts.push(`\n${titleOf(scenario, result)}`);
    parts.push(table(rowsOf(scenario, result)));
  }
  return parts.join("\n");
}

/** The title of a scenario's table. */
export function titleOf(scenario, result) {
  return TITLES[scenario](result);
}

/** The name of a figure. */
export const figureName = (figure) => FIGURES[figure] ?? figure;

function measuredRows({ contestants, ratios }) {
  const names = Object.keys(contestants);
  const compared = Object.keys(ratios);
  const base = names.find((name) => !compared.includes(name));
  const head = ["", ...names, ...compared.map((name) => `${name} / ${base}`), ...(ratios.ours ? ["range"] : [])];
  const rows = Object.keys(Object.values(contestants)[0]).map((figure) => [
    figureName(figure),
    ...names.map((name) => number(contestants[name][figure].median)),
    ...compared.map((name) => times(ratios[name][figure].median)),
    ...(ratios.ours ? [`${times(ratios.ours[figure].min)} to ${times(ratios.ours[figure].max)}`] : []),
  ]);
  return [head, ...rows];
}

/**
 * @param {string} scenario
 * @param {object} result its result from `runBenchmark`
 * @returns {string[][]} the rows of its table, the head first
 */
export function rowsOf(scenario, result) {
  if (scenario === "fleets") return mixedRows(result);
  if (scenario === "scale") return scaleRows(result);
  if (scenario === "seen") return seenRows(result);
  if (scenario === "steady") return steadyRows(result);
  if (result.ratios) return measuredRows(result);
  const [first] = Object.values(result.contestants);
  return first?.problems ? fleetRows(result) : observedRows(scenario, result);
}

function fleetRows({ contestants }) {
  const names = Object.keys(contestants);
  const figures = Object.keys(contestants[names[0]]).filter((figure) => figure !== "problems");
  const both = names.length === 2 && names[0] === "official";
  const cells = (figure) => names.map((name) => number(contestants[name][figure].median));
  const share = (figure) => {
    const [official, ours] = [contestants.official?.[figure].median, contestants.ours?.[figure].median];
    if (!both) return [];
    return [official > 0 ? times(ours / official) : ""];
  };
  const rows = figures.map((figure) => [figureName(figure), ...cells(figure), ...share(figure)]);
  const problems = names.flatMap((name) =>
    Object.entries(contestants[name].problems).map(([text, count]) => [`${name}: ${text}`, String(count)]),
  );
  const width = names.length + (both ? 2 : 1);
  return [
    ["", ...names, ...(both ? ["ours / official"] : [])],
    ...rows,
    ...problems.map((row) => [...row, ...Array(width - row.length).fill("")]),
  ];
}

function observedRows(scenario, { contestants }) {
  if (scenario === "stall") {
    const row = ([name, seen]) => [name, `${(seen.freeShare * 100).toFixed(1)} %`, seen.outcome];
    return [["", "time the key was free", "execute was"], ...Object.entries(contestants).map(row)];
  }
  const row = ([name, seen]) => [
    name,
    `${seen.finished} of ${seen.callers}`,
    String(seen.failed),
    String(seen.mostAtOnce),
    seen.finished + seen.failed === seen.callers ? `${Math.round(seen.elapsedMs)} ms` : `still stuck after ${seen.limitMs / 1000} s`,
  ];
  return [["", "finished", "failed", "most at once", "after"], ...Object.entries(contestants).map(row)];
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("   ");
  return rows.map((row) => `  ${line(row).trimEnd()}`).join("\n");
}
