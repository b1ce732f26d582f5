// Callers take the same busy key through a workflow's acquireLockStep: with the official package, with ours, and with ours and `tryWaitMs`.

import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CACHE } from "../../harness/paths.mjs";
import { installStore } from "../../harness/store-setup.mjs";
import { median, quantile } from "./stats.mjs";

const CHILD = fileURLToPath(new URL("steps-child.mjs", import.meta.url));
const PLAN = { callers: 25, jobMs: 5, key: "hot", timeoutS: 30 };
const PROCESSES = 4;
/** The longest time that a call of the step waits in Redis before the step tries again. */
const TRY_WAIT_MS = 10_000;

const VARIANTS = {
  official: { resolve: "@medusajs/locking-redis", options: {} },
  ours: { resolve: "medusa-locking-redis", options: {} },
  "ours, tryWaitMs": { resolve: "medusa-locking-redis", options: { tryWaitMs: TRY_WAIT_MS } },
};

/**
 * @param {object} context `url`, `observer`, `rounds`, `quick`, `progress`
 * @returns {Promise<object>} figures per variant, medians over the rounds
 */
export async function runSteps({ url, observer, rounds, quick, progress }) {
  progress("steps: installing the example store, for Medusa's core flows");
  await installStore();
  const names = Object.keys(VARIANTS);
  const turns = Math.max(1, Math.min(rounds, quick ? 1 : 3));
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < turns; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length];
      progress(`steps: round ${round + 1} of ${turns}, ${name}`);
      samples[name].push(await measure(VARIANTS[name], url, quick ? 3_000 : 10_000));
      await observer.command("FLUSHALL");
    }
  }
  return { rounds: turns, contestants: Object.fromEntries(names.map((name) => [name, summary(samples[name])])) };
}

function summary(rows) {
  const figures = Object.keys(rows[0]).map((figure) => [
    figure,
    { median: median(rows.map((row) => row[figure])), rounds: rows.map((row) => row[figure]) },
  ]);
  return { ...Object.fromEntries(figures), problems: {} };
}

async function measure(variant, url, measuredMs) {
  const params = JSON.stringify({ ...PLAN, ...variant, url });
  const env = { ...process.env, MLR_INSTALLED: path.join(CACHE, "store"), MEDUSA_DISABLE_TELEMETRY: "1" };
  const children = Array.from({ length: PROCESSES }, () => fork(CHILD, [params], { env, stdio: ["ignore", "ignore", "inherit", "ipc"] }));
  try {
    await Promise.all(children.map((child) => once(child, "message")));
    children[0].send("clock");
    const [{ now }] = await once(children[0], "message");
    const from = now + 2_000;
    const plan = { begin: now + 200, from, end: from + measuredMs };
    const answers = children.map((child) => once(child, "message"));
    for (const child of children) child.send(plan);
    const results = (await Promise.all(answers)).map(([result]) => result);
    const sum = (figure) => results.reduce((total, result) => total + result[figure], 0);
    const waits = results.flatMap((result) => result.waits).sort((a, b) => a - b);
    return {
      jobsPerSecond: (sum("jobs") / measuredMs) * 1000,
      busyShare: sum("busyMs") / measuredMs,
      waitP50Ms: quantile(waits, 0.5),
      waitP99Ms: quantile(waits, 0.99),
      waitMaxMs: waits.at(-1) ?? 0,
      waitP99ToP50: quantile(waits, 0.99) / Math.max(quantile(waits, 0.5), 0.001),
      failed: sum("failed"),
    };
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}
