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
 * @param {boolean} options.roundsGiven whether the command line gives the number of rounds
 * @param {boolean} options.quick
 * @param {number} options.minutes length of the scenario `steady`
 * @param {(text: string) => void} options.progress
 * @returns {Promise<{ meta: object, scenarios: object, failure?: Error }>} `failure`: the reason why the scenarios after the last of
 *   `scenarios` did not run
 */
export async function runBenchmark({ url, observer, only, contestants: wanted, rounds, roundsGiven, quick, minutes, progress }) {
  const running = new Map();
  const versions = {};
  const contestants = wanted.filter((name) => !PEERS.includes(name));

  async function runScenario(scenario) {
    if (PEER_SCENARIOS.includes(scenario)) {
      const result = await runPeers(scenario, wanted, { url, observer, rounds, quick, progress });
      Object.assign(versions, result.versions);
      return result;
    }
    if (scenario === "steps") return runSteps({ url, observer, rounds, quick, progress });
    if (scenario === "seen") return runSeen({ url, rounds, quick, progress });
    if (scenario === "steady") return runSteady(contestants, { minutes, quick, progress });
    if (scenario === "fleets") return runMixed(contestants, { url, observer, rounds: roundsGiven ? rounds : 1, quick, progress });
    if (scenario === "scale") return runScale(contestants, { url, observer, quick, progress });
    if (scenario === "tls") return runTls(contestants, { rounds, quick, progress });
    if (scenario === "cluster") return runCluster(contestants, { rounds, quick, progress });
    if (isFailover(scenario)) return runFailover(scenario, contestants, { rounds, quick, progress });
    if (isForFleets(scenario)) return runFleets(scenario, contestants, { url, observer, rounds, quick, progress });
    if (!isMeasuredInRounds(scenario)) return runObserved(scenario, contestants, { url, observer, quick, progress });
    for (const name of contestants.filter((one) => !running.has(one))) {
      const contestant = await startContestant(name, url);
      running.set(name, contestant);
      versions[name] = contestant.version;
    }
    return runInRounds(scenario, running, { rounds, quick, observer, progress });
  }

  const scenarios = {};
  let failure;
  try {
    for (const scenario of only) scenarios[scenario] = await runScenario(scenario);
  } catch (error) {
    failure = error;
  } finally {
    for (const contestant of running.values()) contestant.stop();
  }
  const server = await observer.command("INFO", "server");
  const redis = /^redis_version:(\S+)/m.exec(server)[1];
  const cpu = `${os.cpus().length} x ${os.cpus()[0]?.model.trim() || "CPU of unknown model"}`;
  const meta = { date: new Date().toISOString(), node: process.versions.node, redis, cpu, rounds, quick, versions };
  return { meta, scenarios, failure };
}
