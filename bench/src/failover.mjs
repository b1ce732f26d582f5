// A master is killed under load, or Sentinels replace it on request. Every run has its own new servers.

import { setTimeout as sleep } from "node:timers/promises";
import { startCluster } from "../../harness/clusters.mjs";
import { startSentinels } from "../../harness/sentinels.mjs";
import { startContestant } from "./processes.mjs";
import { median } from "./stats.mjs";

const PROCESSES = 2;
/** Callers per key and process. Those of the short keys come back all the time; a long job lasts longer than the failover. */
const PLAN = { short: { keys: 4, callers: 3, jobMs: 20 }, long: { keys: 4, callers: 1, jobMs: 3_000 }, timeout: 60, expire: 30 };
const BEFORE_MS = 2_000;
/** A hold that begins sooner than this after a kill was granted before it, because no failover is that quick. */
const GRANTED_BEFORE_MS = 200;

/** For each scenario: how the master goes, and how long the run lasts. An old master that is alive follows the new one after 10 s. */
const ENDS = {
  failover: { start: startGroup, go: (group) => group.killMaster(), afterMs: 12_000 },
  switchover: { start: startGroup, go: (group) => group.failOver(), afterMs: 18_000 },
  outage: { start: startNodes, go: (group) => group.killMaster(), afterMs: 12_000 },
};

async function startGroup() {
  const group = await startSentinels();
  return Object.assign(group, { url: "redis://127.0.0.1:1", common: { redisOptions: group.options } });
}

/** A cluster. The master of the first short key is killed, and only keys of that master count. */
async function startNodes(name) {
  const cluster = await startCluster({ nodeTimeoutMs: 1_000 });
  const fullName = (key) => `${name === "bare" ? "bare:" : "medusa_lock:"}${key}`;
  const keys = Object.keys(PLAN).flatMap((kind) => Array.from({ length: PLAN[kind].keys ?? 0 }, (_, at) => `${kind}-${at}`));
  const group = {
    url: "",
    common: { cluster: { startupNodes: cluster.startupNodes } },
    async killMaster() {
      const master = await cluster.masterOf(fullName("short-0"));
      const masters = await Promise.all(keys.map((key) => cluster.masterOf(fullName(key))));
      group.keys = keys.filter((_, at) => masters[at] === master);
      await cluster.kill(master);
      return master;
    },
    movedFrom: () => cluster.settled(),
    stop: () => cluster.stop(),
  };
  return group;
}

/** Whether this scenario is one of this file. */
export const isFailover = (scenario) => scenario in ENDS;

/** With the option `safety` all replicas must acknowledge. Their number is complete again only when the old master is back as a replica. */
const BACK_AFTER_MS = 3_000;
const safe = (replicas) => ({ only: "ours", options: { safety: { replicas } }, returns: true, afterMs: 25_000 });

/** For each scenario: the variants and their additional options. */
const VARIANTS = {
  failover: { "": {}, ", detector": { redisOptions: { failoverDetector: true } }, ", safety": safe(2) },
  switchover: { "": {}, ", detector": { redisOptions: { failoverDetector: true } } },
  outage: { "": {}, ", safety": safe(1) },
};

/** The machine's own clock, which the contestants also use. */
const clock = () => Number(process.hrtime.bigint()) / 1e6;

/**
 * @param {keyof typeof ENDS} scenario
 * @param {string[]} names contestants; on a cluster `bare` takes the place of the official package, which does not support clusters
 * @param {object} context `rounds`, `quick`, `progress`
 * @returns {Promise<object>} figures per contestant and variant, by round and their medians
 */
export async function runFailover(scenario, names, { rounds, quick, progress }) {
  const turns = Math.max(1, Math.min(rounds, quick ? 1 : 3));
  const stranger = scenario === "outage" ? "official" : "bare";
  const taking = Object.entries(VARIANTS[scenario]).flatMap(([suffix, variant]) =>
    names.filter((name) => name !== stranger && (variant.only ?? name) === name).map((name) => ({ label: name + suffix, name, variant })),
  );
  const samples = Object.fromEntries(taking.map(({ label }) => [label, []]));
  for (let round = 0; round < turns; round += 1) {
    for (let turn = 0; turn < taking.length; turn += 1) {
      const { label, name, variant } = taking[(round + turn) % taking.length];
      progress(`${scenario}: round ${round + 1} of ${turns}, ${label}`);
      samples[label].push(await measure({ ...ENDS[scenario], ...variant }, name));
    }
  }
  return {
    rounds: turns,
    contestants: Object.fromEntries(taking.map(({ label }) => [label, summary(samples[label])])),
  };
}

async function measure({ start, go, afterMs, redisOptions, options, returns }, name) {
  const group = await start(name);
  const fleet = [];
  try {
    const all = { ...group.common, ...options };
    if (redisOptions) all.redisOptions = { ...all.redisOptions, ...redisOptions };
    for (let at = 0; at < PROCESSES; at += 1) fleet.push(await startContestant(name, group.url, {}, all));
    const begin = clock() + 200;
    const end = begin + BEFORE_MS + afterMs;
    const running = Promise.all(fleet.map((one) => one.run("holds", { ...PLAN, begin, end }, { timeoutMs: 90_000 })));
    await sleep(200 + BEFORE_MS);
    const goneAt = clock();
    const old = await go(group);
    const moved = group.movedFrom(old).then(() => clock() - goneAt);
    if (returns) {
      await sleep(BACK_AFTER_MS);
      await old.restart();
    }
    return figures(await running, goneAt, await moved, group.keys);
  } finally {
    for (const one of fleet) one.stop();
    await group.stop();
  }
}

function figures(results, goneAt, movedMs, keys) {
  const counts = ({ key }) => !keys || keys.includes(key);
  const holds = results.flatMap((result) => result.holds.filter(counts)).sort((a, b) => a.from - b.from);
  const after = holds.filter(({ from }) => from > goneAt + GRANTED_BEFORE_MS);
  const firstByKey = new Map();
  for (const { key, from } of after) if (!firstByKey.has(key)) firstByKey.set(key, from - goneAt);
  const short = [...firstByKey].filter(([key]) => key.startsWith("short")).map(([, ms]) => ms);
  const problems = {};
  for (const result of results) {
    for (const [message, count] of Object.entries(result.problems)) problems[message] = (problems[message] ?? 0) + count;
  }
  return {
    newMasterMs: movedMs,
    firstGrantMs: Math.min(...firstByKey.values()),
    allShortKeysMs:
      short.length === (keys ? keys.filter((key) => key.startsWith("short")).length : PLAN.short.keys)
        ? Math.max(...short)
        : Number.POSITIVE_INFINITY,
    longestGapMs: longestGap(holds, goneAt),
    overlaps: overlaps(holds),
    holds: holds.length,
    failed: Object.values(problems).reduce((total, count) => total + count, 0),
    problems,
  };
}

/** The longest time without a new grant of any key. It is measured from shortly before the master went. */
function longestGap(holds, goneAt) {
  const times = holds.map(({ from }) => from).filter((from) => from > goneAt - 500);
  return Math.max(...times.slice(1).map((from, at) => from - times[at]));
}

/** The number of holds of a key that began while another hold of the key went on. */
function overlaps(holds) {
  const lastByKey = new Map();
  let count = 0;
  for (const { key, from, to } of holds) {
    const before = lastByKey.get(key) ?? 0;
    if (from < before) count += 1;
    lastByKey.set(key, Math.max(before, to));
  }
  return count;
}

function summary(rows) {
  const names = Object.keys(rows[0]).filter((figure) => typeof rows[0][figure] === "number");
  const medians = names.map((figure) => [
    figure,
    { median: median(rows.map((row) => row[figure])), rounds: rows.map((row) => row[figure]) },
  ]);
  const problems = {};
  for (const row of rows) {
    for (const [message, count] of Object.entries(row.problems)) problems[message] = (problems[message] ?? 0) + count;
  }
  return { ...Object.fromEntries(medians), problems };
}
