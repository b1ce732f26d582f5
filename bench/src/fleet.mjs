// The scenarios in which several processes want the same locks. The fleets take turns, and each has the machine to itself.

import { setTimeout as sleep } from "node:timers/promises";
import { startContestant } from "./processes.mjs";
import { median, quantile } from "./stats.mjs";

/** Longest wait of a call in these scenarios, in seconds. It is long, so that no call times out. */
const TIMEOUT_S = 60;
const WARM_UP_MS = 1_500;
/** The code for PINGs back to back must be compiled first, too. */
const IDLE_PINGS_MS = 500;
/**
 * So many loads of so many visits run first and do not count, because V8 collects and compiles in threads of all processes for as long as
 * the load lasts. The benchmark's own functions are compiled last, 20 ms each, in the sixth load and the ninth.
 */
const COLD = { times: 9, visits: 50 };

const VISITS = {
  busy: { processes: 4, callers: 25, keys: 1, choose: "same", jobMs: 5, timeout: TIMEOUT_S },
  shelves: { processes: 4, callers: 25, keys: 10, choose: "shared", jobMs: 20, timeout: TIMEOUT_S },
  sets: { processes: 4, callers: 25, keys: 10, choose: "sets", jobMs: 5, timeout: 30 },
  burst: { processes: 4, callers: 8, keys: 1, choose: "same", jobMs: 0, timeout: TIMEOUT_S, visits: 1, bursts: 15 },
  empty: { processes: 4, callers: 8, keys: 1, choose: "same", jobMs: 0, timeout: TIMEOUT_S, visits: 50, bursts: 5 },
};

/** Without a queue no waiter is in front. */
const ONLY_OURS = new Set(["line", "gone"]);

/** Whether this scenario is one for fleets. */
export const isForFleets = (scenario) => scenario in VISITS || ["handoff", "line", "gone"].includes(scenario);

/**
 * @param {string} scenario
 * @param {string[]} names contestants that take part
 * @param {object} context `url`, `observer`, `rounds`, `quick`, `progress`
 * @returns {Promise<object>} figures per contestant, by round and their medians
 */
export async function runFleets(scenario, names, context) {
  const measure = { handoff, line, gone }[scenario] ?? visits;
  const taking = names.filter((name) => (name !== "bare" || scenario === "handoff") && (!ONLY_OURS.has(scenario) || name === "ours"));
  // A fleet run takes seconds, so there are fewer runs. The exception is `handoff`, because a PING depends on the cores on which its two
  // sides run.
  const wanted = scenario === "handoff" ? Math.max(context.rounds, 15) : Math.min(context.rounds, 3);
  const rounds = context.quick ? 1 : wanted;
  const samples = Object.fromEntries(taking.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < taking.length; turn += 1) {
      const name = taking[(round + turn) % taking.length];
      context.progress(`${scenario}: round ${round + 1} of ${rounds}, ${name}`);
      samples[name].push(await measure(name, scenario, context));
      await context.observer.command("FLUSHALL");
      await context.observer.command("SCRIPT", "FLUSH");
    }
  }
  return { rounds, contestants: Object.fromEntries(taking.map((name) => [name, summary(samples[name])])) };
}

function summary(rows) {
  const figures = Object.keys(rows[0]).filter((figure) => typeof rows[0][figure] === "number");
  const medians = figures.map((figure) => [
    figure,
    { median: median(rows.map((row) => row[figure])), rounds: rows.map((row) => row[figure]) },
  ]);
  const problems = {};
  for (const row of rows) {
    for (const [message, count] of Object.entries(row.problems ?? {})) problems[message] = (problems[message] ?? 0) + count;
  }
  return { ...Object.fromEntries(medians), problems };
}

async function withFleet(name, size, url, work) {
  const fleet = await Promise.all(Array.from({ length: size }, () => startContestant(name, url)));
  try {
    return await work(fleet);
  } finally {
    for (const contestant of fleet) contestant.stop();
  }
}

function visits(name, scenario, { url, quick }) {
  const { processes, bursts, ...plan } = VISITS[scenario];
  const measuredMs = quick ? 2_000 : 5_000;
  return withFleet(name, processes, url, async (fleet) => {
    const runOnce = async (more) => {
      const { now } = await fleet[0].run("clock", {});
      const begin = now + 200;
      const from = plan.visits ? begin : begin + WARM_UP_MS;
      const end = plan.visits ? Number.MAX_SAFE_INTEGER : from + measuredMs;
      const params = { ...plan, begin, from, end, ...more };
      const runs = fleet.map((one, at) => one.run("visits", { ...params, first: at * plan.callers }, { timeoutMs: 150_000 }));
      const results = await Promise.all(runs);
      return { results, elapsedMs: Math.max(...results.map((result) => result.endedAt)) - begin };
    };
    for (let time = 0; plan.visits && time < COLD.times; time += 1) await runOnce({ visits: COLD.visits });
    const all = [];
    for (let burst = 0; burst < (bursts ?? 1); burst += 1) all.push(await runOnce());
    const results = all.flatMap((one) => one.results);
    const sum = (figure) => results.reduce((total, result) => total + result[figure], 0);
    const waits = results.flatMap((result) => result.waits).sort((a, b) => a - b);
    const problems = {};
    for (const result of results) {
      for (const [message, count] of Object.entries(result.problems)) problems[message] = (problems[message] ?? 0) + count;
    }
    // If the number of visits is given, the fleet is done when its last caller is done.
    const elapsedMs = plan.visits ? all.reduce((total, one) => total + one.elapsedMs, 0) : measuredMs;
    return {
      jobsPerSecond: (sum("jobs") / elapsedMs) * 1000,
      ...(plan.jobMs > 0 && plan.choose !== "sets" ? { busyShare: sum("busyMs") / (measuredMs * plan.keys) } : {}),
      waitP50Ms: quantile(waits, 0.5),
      waitP99Ms: quantile(waits, 0.99),
      waitMaxMs: waits.at(-1) ?? 0,
      waitP99ToP50: quantile(waits, 0.99) / Math.max(quantile(waits, 0.5), 0.001),
      failed: Object.values(problems).reduce((total, count) => total + count, 0),
      problems,
    };
  });
}

/**
 * Two processes pass a lock to and fro. This measures the time from the start of a release to the start of the next job in the other
 * process. For comparison one process measures round trips of a PING: in the same run, and back to back without other load. `bare` passes a
 * message instead, without a lock.
 */
function handoff(name, _scenario, { url, quick }) {
  return withFleet(name, 2, url, (fleet) =>
    withFleet("bare", 1, url, async ([pinger]) => {
      const { now } = await pinger.run("clock", {});
      const idle = await pinger.run("pings", { begin: now, end: now + IDLE_PINGS_MS, pauseMs: 0 });
      const begin = now + IDLE_PINGS_MS + 100;
      const [from, end] = [begin + 500, begin + (quick ? 1_000 : 2_000)];
      const plan = (at) => ({ begin, end, callers: 3, me: `relay-${at}`, other: `relay-${1 - at}`, first: at === 0 });
      const runs = fleet.map((one, at) => one.run(name === "bare" ? "relay" : "handoff", plan(at)));
      const pings = pinger.run("pings", { begin: from, end, pauseMs: 1 });
      const results = await Promise.all(runs);
      // All jobs, with their processes. They run one after the other, because they exclude each other.
      const jobs = results.flatMap(({ starts, releases }, who) => starts.map((start, at) => ({ who, start, release: releases[at] })));
      jobs.sort((a, b) => a.start - b.start);
      const gaps = jobs.slice(1).map((job, at) => ({ other: job.who !== jobs[at].who, ms: job.start - jobs[at].release, at: job.start }));
      const passes = gaps.filter(({ other, at }) => other && at >= from).map(({ ms }) => ms);
      const [passP50Ms, pingP50Ms, idlePingP50Ms] = [median(passes), median((await pings).times), median(idle.times)];
      return {
        passes: passes.length,
        passP50Ms,
        pingP50Ms,
        idlePingP50Ms,
        passToPing: passP50Ms / pingP50Ms,
        passToIdlePing: passP50Ms / idlePingP50Ms,
      };
    }),
  );
}

const IDLE_MS = 10_000;

/** Ten thousand calls wait in one process, and then they are served. For comparison a short line measures the cost of one hold. */
async function line(name, _scenario, { url, observer, quick }) {
  const count = quick ? 1_000 : 10_000;
  // Counts the scripts that clients sent. The server's total would also count the commands inside of scripts.
  const commands = async () => {
    const stats = await observer.command("INFO", "commandstats");
    return [...stats.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)].reduce((total, [, calls]) => total + Number(calls), 0);
  };
  return withFleet(name, 3, url, async ([holder, waiter, fresh]) => {
    const one = async (key, length) => {
      await holder.run("take", { key, ownerId: "holder" });
      await waiter.run("line", { key, count: length });
      const before = await commands();
      await sleep(quick ? 3_000 : IDLE_MS);
      const idle = (await commands()) - before;
      const given = await holder.run("give", { key, ownerId: "holder" });
      const { lastAt } = await waiter.run("served", { key }, { timeoutMs: 120_000 });
      return { idlePerSecond: idle / ((quick ? 3_000 : IDLE_MS) / 1000), drainUs: ((lastAt - given.at) / length) * 1000 };
    };
    await one("warm", 500);
    const long = await one("long", count);
    const { now } = await waiter.run("clock", {});
    const params = { keys: 1, choose: "same", jobMs: 0, timeout: TIMEOUT_S, callers: 200, first: 0 };
    const hot = await waiter.run("visits", { ...params, begin: now, from: now + 500, end: now + 2_500 });
    const hotUs = 2_000_000 / hot.jobs;
    const short = await one("short", 500);
    // This uses a process that has done nothing before. Memory that a process keeps for later would hide the memory that waiters need.
    await holder.run("take", { key: "weighed", ownerId: "holder" });
    await fresh.run("line", { key: "weighed", count: 100 });
    const { memoryKb } = await fresh.run("line", { key: "weighed", count });
    return {
      waiters: count,
      idlePerSecond: long.idlePerSecond,
      idlePerSecondOf500: short.idlePerSecond,
      bytesPerWaiter: (memoryKb * 1024) / count,
      drainUsPerWaiter: long.drainUs,
      drainUsPerWaiterOf500: short.drainUs,
      hotKeyUsPerHold: hotUs,
      drainToHold: long.drainUs / hotUs,
    };
  });
}

const IN_FRONT = 15;

/**
 * A process whose waiters are in front is stopped or killed. This measures the time until the next waiter, in another process, is served.
 */
async function gone(name, _scenario, { url }) {
  const servedAfterMs = (signal) =>
    withFleet(name, 3, url, async ([holder, front, next]) => {
      const key = `behind-${signal}`;
      await holder.run("take", { key, ownerId: "holder" });
      await front.run("line", { key, count: IN_FRONT });
      await next.run("line", { key, count: 1 });
      front.signal(signal);
      // When the killed process is gone, the system closes its connections, and only then does the server learn of it.
      if (signal === "SIGKILL") await front.exited;
      await sleep(20);
      const given = await holder.run("give", { key, ownerId: "holder" });
      const { firstAt } = await next.run("served", { key });
      return firstAt - given.at;
    });
  return { stoppedMs: await servedAfterMs("SIGSTOP"), killedMs: await servedAfterMs("SIGKILL") };
}
