// Runs one phase of a history: its processes, its faults, and the check of the records.

import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { checkAnswers, checkHolds, checkLeftOver, readHistory } from "./checker.mjs";
import { Fleet } from "./fleet.mjs";
import { FOUR, letHappen, PHASES } from "./phases.mjs";
import { PLACES } from "./places.mjs";
import { nowMs, randomOf } from "./random.mjs";

const NAMESPACE = "medusa_lock:";
const LEASE_S = 1;
/** Few keys, so that callers contend for them, but enough that one key with a stopped holder does not block all callers. */
const KEYS = ["a", "b", "c", "d", "e", "f"];
const CALLERS = 6;

/**
 * @param {string} name the name of a phase
 * @param {object} options
 * @param {number} options.holds the number of holds to record
 * @param {number} options.seed a whole number; it determines faults and calls, but not their interleaving
 * @param {string} options.folder the folder for the records of all phases
 * @param {(command: Buffer) => Buffer} [options.rewrite] changes each command on its way, to test the checker
 * @param {number} options.limitMs the phase ends after this time, whatever was recorded
 * @returns {Promise<object>} counts, and `violations`
 */
export async function runPhase(name, { holds, seed, folder, limitMs, rewrite }) {
  const phase = PHASES[name];
  const here = path.join(folder, name);
  fs.mkdirSync(here, { recursive: true });
  const random = randomOf(seed);
  const place = await PLACES[phase.place ?? "alone"]();
  const { server, connection } = place;
  const settings = { keys: KEYS, callers: CALLERS, leaseS: LEASE_S, longJobs: phase.longJobs, owners: phase.owners, mayLog: phase.mayLog };
  const resolves = phase.resolves ?? FOUR;
  const { options } = phase;
  const fleet = new Fleet({ folder: here, port: server().port, connection, options, resolves, settings, random, rewrite });
  const world = { fleet, random, server, place, dataLost: [], keys: KEYS.map((key) => NAMESPACE + key) };
  const began = nowMs();
  try {
    await fleet.start();
    const done = (faults) => (fleet.holds >= holds && faults >= (phase.least ?? 0)) || nowMs() - began > limitMs;
    const faults = await letHappen(phase, world, done);
    await fleet.end();
    const elapsedS = (nowMs() - began) / 1000;
    return { ...(await check(phase, world)), faults, elapsedS };
  } finally {
    await fleet.end();
    await place.stop();
  }
}

async function check(phase, { fleet, place, dataLost }) {
  const history = readHistory(fleet.lines());
  const { holds, releases } = history;
  const { violations, permitted } = checkHolds(holds, { dataLost: phase.acknowledged ? [] : dataLost, leaseMs: LEASE_S * 1000, releases });
  violations.push(...checkAnswers(history, phase), ...fleet.failures);
  violations.push(...checkLeftOver(await leftOver(await place.servers()), NAMESPACE));
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
    failed: count("REDIS_UNREACHABLE") + count("REDIS_REFUSED") + count("LOCK_NOT_REPLICATED"),
    permitted,
    violations,
  };
}

/** The contents of Redis after the leases of killed processes. */
async function leftOver(servers) {
  let contents = [];
  for (let look = 0; look < 100; look += 1) {
    contents = [];
    for (const server of servers) contents.push(...(await contentsOf(server)));
    if (!contents.some(({ name }) => name.startsWith(NAMESPACE))) break;
    await sleep(100);
  }
  return contents.filter(({ pttl }) => pttl !== -2);
}

async function contentsOf(server) {
  // A replica has the same keys as its master, so it is not asked.
  if ((await server.cli("ROLE"))[0] !== "master") return [];
  const contents = [];
  for (const name of await server.cli("KEYS", "*")) {
    // The key's slot may still be moving.
    const pttl = await server.cli("PTTL", name).catch(() => -2);
    contents.push({ name, pttl });
  }
  return contents;
}
