// The scenario on a cluster, which is a private one with three masters.

import { startCluster } from "../../harness/clusters.mjs";
import { startContestant } from "./processes.mjs";
import { runInRounds } from "./rounds.mjs";

/**
 * @param {string[]} contestants
 * @param {object} options rounds, quick and progress, as for `runInRounds`
 * @returns {Promise<object>} the result of `runInRounds`
 */
export async function runCluster(contestants, options) {
  const running = new Map();
  const cluster = await startCluster({ replicas: 0 });
  try {
    const common = { cluster: { startupNodes: cluster.startupNodes } };
    for (const name of contestants.filter((one) => one !== "official")) running.set(name, await startContestant(name, "", {}, common));
    const observer = { command: (...args) => Promise.all(cluster.masters.map((node) => node.cli(...args))) };
    return await runInRounds("cluster", running, { ...options, observer });
  } finally {
    for (const contestant of running.values()) contestant.stop();
    await cluster.stop();
  }
}
