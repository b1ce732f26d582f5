// A load that stays the same for a long time. It shows everything that grows with the number of calls: memory, file handles, or the
// contents of Redis.

import { startServer } from "../../harness/redis-servers.mjs";
import { connect } from "../../harness/resp-client.mjs";
import { startContestant } from "./processes.mjs";
import { median } from "./stats.mjs";

const SAMPLES = 60;
const PER_SECOND = 400;
const TAKES_PART = ["official", "ours"];
/** The figures of a sample by their titles, and the unit that the table shows. */
const FIGURES = {
  rssBytes: ["memory of the process", "MB"],
  heapBytes: ["V8's heap after a collection", "MB"],
  fileHandles: ["open file handles", ""],
  redisBytes: ["memory of Redis", "MB"],
  redisKeys: ["keys in Redis", ""],
  redisClients: ["connections of Redis", ""],
};

/**
 * @param {string[]} names contestants; all that take part run at the same time, each with its own Redis
 * @param {object} context `minutes`, `quick`, `progress`
 * @returns {Promise<object>} `minutes`, and for each contestant its calls and its samples
 */
export async function runSteady(names, { minutes, quick, progress }) {
  const length = quick ? Math.min(minutes, 1) : minutes;
  const who = names.filter((name) => TAKES_PART.includes(name));
  progress(`steady: ${who.join(" and ")} for ${length} minutes`);
  const results = await Promise.all(who.map((name) => steadyLoad(name, length)));
  return { minutes: length, perSecond: PER_SECOND, contestants: Object.fromEntries(who.map((name, at) => [name, results[at]])) };
}

async function steadyLoad(name, minutes) {
  const server = await startServer({ version: "7.0" });
  let observer;
  let contestant;
  try {
    observer = await connect({ port: server.port });
    contestant = await startContestant(name, server.url);
    const samples = [];
    const looks = [];
    const onNote = (sample) => {
      samples.push(sample);
      looks.push(lookAt(observer).then((seen) => Object.assign(sample, seen)));
    };
    const params = { minutes, samples: SAMPLES, perSecond: PER_SECOND };
    const calls = await contestant.run("steady", params, { timeoutMs: (minutes + 2) * 60_000, onNote });
    await Promise.all(looks);
    return { ...calls, samples };
  } finally {
    contestant?.stop();
    observer?.close();
    await server.stop();
  }
}

async function lookAt(observer) {
  const info = await observer.command("INFO");
  const figure = (field) => Number(new RegExp(`^${field}:(\\d+)`, "m").exec(info)[1]);
  return {
    redisBytes: figure("used_memory"),
    redisKeys: await observer.command("DBSIZE"),
    redisClients: figure("connected_clients"),
  };
}

/** @returns {string[][]} the table: the median of the second sixth of the time beside that of the last sixth, for each contestant */
export function steadyRows({ minutes, perSecond, contestants }) {
  const names = Object.keys(contestants);
  const sixth = (name, at) => {
    const { samples } = contestants[name];
    return samples.slice(Math.floor((samples.length * at) / 6), Math.ceil((samples.length * (at + 1)) / 6));
  };
  const cell = (name, at, figure, unit) => {
    const values = sixth(name, at)
      .map((sample) => sample[figure])
      .filter((value) => value !== undefined);
    if (values.length === 0) return "-";
    return unit === "MB" ? (median(values) / 1e6).toFixed(1) : String(median(values));
  };
  const calls = (name) => `${contestants[name].done.toLocaleString("en-US")} calls`;
  const failed = (name) => {
    const { failed: count, skipped } = contestants[name];
    return skipped > 0 ? `${count} failed, ${skipped} not made in time` : `${count} failed`;
  };
  return [
    [`${minutes} minutes, ${perSecond} calls per second`, ...names.flatMap((name) => [`${name}: second sixth`, "last sixth"])],
    ["served", ...names.flatMap((name) => [calls(name), failed(name)])],
    ...Object.entries(FIGURES).map(([figure, [title, unit]]) => [
      unit ? `${title} (${unit})` : title,
      ...names.flatMap((name) => [cell(name, 1, figure, unit), cell(name, 5, figure, unit)]),
    ]),
  ];
}
