// Runs one phase of a history: processes, faults, and the check of what they wrote.

import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startServer } from "../lib/redis-servers.mjs";
import { checkHolds, checkLeftOver, readHistory } from "./checker.mjs";
import { Fleet } from "./fleet.mjs";
import { FOUR, letHappen, PHASES } from "./phases.mjs";
import { nowMs, randomOf } from "./random.mjs";
import { startReplicated } from "./replica.mjs";

const NAMESPACE = "medusa_lock:";
const LEASE_S = 1;
/** Few enough to be fought for, enough that a key whose holder stands still is not all there is. */
const KEYS = ["a", "b", "c", "d", "e", "f"];
const CALLERS = 6;

/**
 * @param {string} name of a phase
 * @param {object} options
 * @param {number} options.holds how many to record
 * @param {number} options.seed a whole number; faults and calls are drawn from it, though not their interleaving
 * @param {string} options.folder for the records of all phases
 * @param {(command: Buffer) => Buffer} [options.rewrite] what becomes of each command on its way: to see what the checker notices
 * @param {number} options.limitMs the phase ends then, whatever was recorded
 * @returns {Promise<object>} counts, and `violations`
 */
export async function runPhase(name, { holds, seed, folder, limitMs, rewrite }) {
  const phase = PHASES[name];
  const here = path.join(folder, name);
  fs.mkdirSync(here, { recursive: true });
  const random = randomOf(seed);
  const replicated = phase.faults.includes("promote") ? await startReplicated() : undefined;
  const alone = replicated ? undefined : await startServer();
  const server = () => replicated?.primary() ?? alone;
  const settings = { keys: KEYS, callers: CALLERS, leaseS: LEASE_S, longJobs: phase.longJobs, owners: phase.owners };
  const fleet = new Fleet({ folder: here, port: server().port, resolves: phase.resolves ?? FOUR, settings, random, rewrite });
  const world = { fleet, random, server, dataLost: [] };
  world.promote = async () => {
    const { port, ...loss } = await replicated.promote();
    fleet.retarget(port);
    world.dataLost.push({ from: loss.from, to: nowMs() });
    await replicated.addReplica();
  };
  const began = nowMs();
  try {
    await fleet.start();
    const faults = await letHappen(phase, world, () => fleet.holds >= holds || nowMs() - began > limitMs);
    await fleet.end();
    const elapsedS = (nowMs() - began) / 1000;
    return { ...(await check(phase, world)), faults, elapsedS };
  } finally {
    await fleet.end();
    await replicated?.stop();
    await alone?.stop();
  }
}

async function check(phase, { fleet, server, dataLost }) {
  const { holds, stranded, unexpected, falselyLost, releases } = readHistory(fleet.lines());
  const { violations, permitted } = checkHolds(holds, { dataLost, leaseMs: LEASE_S * 1000, releases });
  for (const { by, at, keys } of phase.honest ? falselyLost : []) {
    violations.push(`a job of process ${by} on "${keys}" ended inside its lease and was told at ${at} ms that its lock is lost`);
  }
  for (const { by, began, at } of stranded) violations.push(`a call of process ${by} from ${began} ms was not settled at ${at} ms`);
  violations.push(...unexpected.map((text) => `unexpected: ${text}`), ...fleet.failures);
  violations.push(...checkLeftOver(await leftOver(server()), NAMESPACE));
  const lost = fleet.total("lost") + fleet.total("LOCK_LOST");
  if (phase.lossless && lost > 0) violations.push(`${lost} locks were lost though nothing had happened to them`);
  const count = (what) => fleet.total(what);
  return {
    holds: holds.length,
    calls: count("calls"),
    timeouts: count("LOCK_TIMEOUT"),
    refused: count("LOCK_NOT_ACQUIRED"),
    aborted: count("TimeoutError"),
    lost,
    failed: count("REDIS_UNREACHABLE") + count("REDIS_REFUSED"),
    permitted,
    violations,
  };
}

/** What is in Redis when the leases of killed processes are over. */
async function leftOver(server) {
  let contents = [];
  for (let look = 0; look < 100; look += 1) {
    contents = [];
    for (const name of await server.cli("KEYS", "*")) contents.push({ name, pttl: await server.cli("PTTL", name) });
    if (!contents.some(({ name }) => name.startsWith(NAMESPACE))) break;
    await sleep(100);
  }
  return contents.filter(({ pttl }) => pttl !== -2);
}
