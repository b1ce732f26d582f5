// Measures the cost of visible locks, with the packages that the tests use, which include OpenTelemetry's.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { installPacked } from "../../harness/install-packed.mjs";
import { median, quantile } from "./stats.mjs";

const CHILD = fileURLToPath(new URL("seen-child.mjs", import.meta.url));
/**
 * Each turn lasts over a second. The durations of the first 1,000 calls of a second are recorded, and a shorter turn would count such calls
 * more than once.
 */
const CALLS = 200_000;

/**
 * @param {object} context `url`, `rounds`, `quick`, `progress`
 * @returns {Promise<object>} the idle commands, the time until a self-deadlock is told, and executes per second by variant
 */
export async function runSeen({ url, rounds, quick, progress }) {
  progress("seen: all variants in one process, in turns");
  const folder = await installPacked();
  const params = { url, port: Number(new URL(url).port), rounds, calls: quick ? CALLS / 8 : CALLS };
  const env = { ...process.env, MLR_INSTALLED: folder };
  const child = fork(CHILD, [JSON.stringify(params)], { env, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  try {
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`the process that measures ended with ${code}`);
    });
    const [result] = await Promise.race([once(child, "message"), ended]);
    return { params, ...result };
  } finally {
    child.kill("SIGKILL");
  }
}

/** @returns {string[][]} the table of `runSeen`'s figures */
export function seenRows({ idleCommands, idleMs, toldAfterMs, rates }) {
  const sorted = toldAfterMs.toSorted((a, b) => a - b);
  const told = `${median(sorted).toFixed(2)} ms (99 %: ${quantile(sorted, 0.99).toFixed(2)} ms)`;
  const row = (name) => {
    const ratios = rates[name].map((rate, at) => rate / rates.plain[at]);
    const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
    return [name, Math.round(median(rates[name])).toLocaleString("en-US"), median(ratios).toFixed(3), range];
  };
  return [
    ["", "executes per second", "/ plain", "range"],
    ...Object.keys(rates).map(row),
    [`commands in ${idleMs / 1_000} s while idle`, String(idleCommands), "", ""],
    ["a self-deadlock is told after", told, "", ""],
  ];
}
