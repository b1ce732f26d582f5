// Runs the benchmark on a given server.

import os from "node:os";
import { runCluster } from "./cluster.mjs";
import { isFailover, runFailover } from "./failover.mjs";
import { isForFleets, runFleets } from "./fleet.mjs";
import { runMixed } from "./mixed.mjs";
import { runObserved } from "./observed.mjs";
import { PEERS } from "./peers/contestants.mjs";
import { PEER_SCENARIOS, runPeers } from "./peers/scenarios.mjs";
import { startContestant } from "./processes.mjs";
import { isMeasuredInRounds, runInRounds } from "./rounds.mjs";
import { runScale } from "./scale.mjs";
import { runSeen } from "./seen.mjs";
import { runSteady } from "./steady.mjs";
import { runSteps } from "./steps.mjs";
import { runTls } from "./tls.mjs";

/**
 * @param {object} options
 * @param {string} options.url of a Redis that nobody else uses: it is flushed
 * @param {object} options.observer a connection of `harness/resp-client.mjs` to it
 * @param {string[]} options.only scenarios
 * @param {string[]} options.contestants
 * @param {number} options.rounds
 * @param {boolean} options.roundsGiven whether the command line says how many
 * @param {boolean} options.quick
 * @param {number} options.minutes length of the scenario `steady`
 * @param {(text: string) => void} options.progress
 * @returns {Promise<object>} `{ meta, scenarios }`
 */
export async function runBenchmark({ url, observer, only, contestants: wanted, rounds, roundsGiven, quick, minutes, progress }) {
  const running = new Map();
  const versions = {};
  const scenarios = {};
  const contestants = wanted.filter((name) => !PEERS.includes(name));
  try {
    for (const scenario of only) {
      if (PEER_SCENARIOS.includes(scenario)) {
        scenarios[scenario] = await runPeers(scenario, wanted, { url, observer, rounds, quick, progress });
        Object.assign(versions, scenarios[scenario].versions);
        continue;
      }
      if (scenario === "steps") {
        scenarios[scenario] = await runSteps({ url, observer, rounds, quick, progress });
        continue;
      }
      if (scenario === "seen") {
        scenarios[scenario] = await runSeen({ url, rounds, quick, progress });
        continue;
      }
      if (scenario === "steady") {
        scenarios[scenario] = await runSteady(contestants, { minutes, quick, progress });
        continue;
      }
      if (scenario === "fleets") {
        scenarios[scenario] = await runMixed(contestants, { url, observer, rounds: roundsGiven ? rounds : 1, quick, progress });
        continue;
      }
      if (scenario === "scale") {
        scenarios[scenario] = await runScale(contestants, { url, observer, quick, progress });
        continue;
      }
      if (scenario === "tls") {
        scenarios[scenario] = await runTls(contestants, { rounds, quick, progress });
        continue;
      }
      if (isFailover(scenario)) {
        scenarios[scenario] = await runFailover(scenario, contestants, { rounds, quick, progress });
        continue;
      }
      if (scenario === "cluster") {
        scenarios[scenario] = await runCluster(contestants, { rounds, quick, progress });
        continue;
      }
      if (isForFleets(scenario)) {
        scenarios[scenario] = await runFleets(scenario, contestants, { url, observer, rounds, quick, progress });
        continue;
      }
      if (!isMeasuredInRounds(scenario)) {
        scenarios[scenario] = await runObserved(scenario, contestants, { url, observer, quick, progress });
        continue;
      }
      for (const name of contestants.filter((one) => !running.has(one))) {
        const contestant = await startContestant(name, url);
        running.set(name, contestant);
        versions[name] = contestant.version;
      }
      scenarios[scenario] = await runInRounds(scenario, running, { rounds, quick, observer, progress });
    }
  } finally {
    for (const contestant of running.values()) contestant.stop();
  }
  const server = await observer.command("INFO", "server");
  const redis = /^redis_version:(\S+)/m.exec(server)[1];
  const cpu = `${os.cpus().length} x ${os.cpus()[0]?.model.trim() || "CPU of unknown model"}`;
  return { meta: { date: new Date().toISOString(), node: process.versions.node, redis, cpu, rounds, quick, versions }, scenarios };
}
