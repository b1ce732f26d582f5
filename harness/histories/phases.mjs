// The phases of a history: the faults, their number, and the irregularities that they excuse.

import { setTimeout as sleep } from "node:timers/promises";
import { nowMs } from "./random.mjs";

const OURS = "medusa-locking-redis";
const OFFICIAL = "@medusajs/locking-redis";

/** Matches the scripts of locks, but not the commands of a new connection. */
const script = (words) => /^eval/i.test(words[0]);

/** Each fault does one thing to `world` (see run.mjs), once. */
const FAULTS = {
  async cut({ fleet, random }) {
    const { proxy } = fleet.pick();
    const kind = random.below(4);
    // The fault is armed for the next command. This does not wait for it, because no command may come.
    if (kind === 0) proxy.cutAfterForward({ match: script });
    else if (kind === 1) proxy.cutAfterForward({ match: script, when: "mid-reply" });
    else if (kind === 2) proxy.cutBeforeForward({ match: script });
    else proxy.cutAll({ reset: random.chance(0.5) });
  },
  async delay({ fleet, random }) {
    const { proxy } = fleet.pick();
    if (random.chance(0.3)) {
      proxy.pauseReplies();
      await sleep(random.between(50, 2_500));
      proxy.resumeReplies();
    } else {
      proxy.delayReplies(random.between(1, 300));
      await sleep(random.between(50, 500));
      proxy.delayReplies(0);
    }
  },
  kill: ({ fleet }) => fleet.replace(fleet.pick()),
  async stop({ fleet, random }) {
    await fleet.stop(fleet.pick(), random.between(10, 3_500), sleep);
  },
  async stall({ fleet, random }) {
    fleet.pick().child.send({ blockMs: random.between(10, 3_000) });
  },
  async scripts({ server }) {
    await server().cli("SCRIPT", "FLUSH");
  },
  async flush(world) {
    // A lost counter begins anew with this clock.
    const [seconds, micros] = await world.server().cli("TIME");
    const from = nowMs();
    await world.server().cli("FLUSHALL");
    world.dataLost.push({ from, to: nowMs(), token: Number(seconds) * 1e6 + Number(micros) });
  },
  async restart(world) {
    const from = nowMs();
    await world.server().restart();
    world.dataLost.push({ from, to: nowMs() });
  },
  /** The server stands still for up to two and a half leases. */
  async pause({ server, random }) {
    const ms = random.between(50, 2_500);
    if (random.chance(0.3)) {
      await server().cli("CLIENT", "PAUSE", ms, "ALL");
      await sleep(ms);
      return;
    }
    await server().kill("SIGSTOP");
    await sleep(ms);
    await server().kill("SIGCONT");
  },
  async promote(world) {
    const { replicated } = world.place;
    const { port, ...loss } = await replicated.promote();
    world.fleet.retarget(port);
    world.dataLost.push({ from: loss.from, to: nowMs() });
    await replicated.addReplica();
  },
  /** Moves the slot of a key to another master. */
  async slot({ place, random, keys }) {
    const { cluster } = place;
    const slot = await cluster.slotOf(random.of(keys));
    const from = await cluster.masterOfSlot(slot);
    await cluster.moveSlot(slot, random.of(cluster.masters.filter((node) => node !== from)), { meanwhile: () => sleep(random.below(200)) });
  },
  async nodeClients({ place, random }) {
    await random.of(place.cluster.masters).cli("CLIENT", "KILL", "TYPE", random.chance(0.5) ? "normal" : "pubsub");
  },
  async killMaster(world) {
    const loss = await world.place.killMaster();
    if (loss) world.dataLost.push(loss);
  },
  async clients({ server, random }) {
    await server().cli("CLIENT", "KILL", "TYPE", random.chance(0.5) ? "normal" : "pubsub");
  },
};

/**
 * The phases in their order, each with its share of all holds, its faults, the mean pause between two faults in ms, and its special rules.
 * `lossless`: no lock may be lost. `honest`: nothing takes a lock away, so a job that ended within its lease must not be told that it lost
 * its lock. `owners`: named owners take locks again with other terms (see owners.mjs). `least`: the least number of faults, also in a short
 * history. `mayLog`: the text of an error with which releaseAll may end. `place`: the place of the locks, if it is not one server
 * (places.mjs). `options`: more of the provider's options. `acknowledged`: the replicas have every lock, so the loss of a server explains
 * no overlap. `mayTimeOut`: there may be no time in which a lock counts, so a call may wait in vain.
 */
export const PHASES = {
  calm: { share: 15, faults: [], honest: true, lossless: true, longJobs: true },
  cut: { share: 12, faults: ["cut"], pauseMs: 250, honest: true },
  delay: { share: 8, faults: ["delay"], pauseMs: 300, honest: true },
  kill: { share: 7, faults: ["kill"], pauseMs: 700, honest: true, longJobs: true },
  stop: { share: 4, faults: ["stop"], pauseMs: 400, longJobs: true },
  stall: { share: 7, faults: ["stall"], pauseMs: 1_500, honest: true, lossless: true },
  scripts: { share: 9, faults: ["scripts"], pauseMs: 60, honest: true, lossless: true },
  flush: { share: 5, faults: ["flush"], pauseMs: 700, longJobs: true },
  restart: { share: 4, faults: ["restart"], pauseMs: 2_500 },
  promote: { share: 4, faults: ["promote"], pauseMs: 3_000, least: 1, place: "replicated" },
  safe: {
    share: 3,
    faults: ["promote"],
    pauseMs: 1_500,
    least: 1,
    place: "replicated",
    options: { safety: { replicas: 1, timeoutMs: 500 } },
    acknowledged: true,
    mayTimeOut: true,
    longJobs: true,
  },
  clients: { share: 8, faults: ["clients"], pauseMs: 150, honest: true },
  official: { share: 3, faults: ["scripts"], pauseMs: 500, resolves: [OURS, OFFICIAL, OURS, OFFICIAL] },
  pause: { share: 4, faults: ["pause"], pauseMs: 1_500, least: 1, longJobs: true, honest: true },
  owners: { share: 5, faults: ["scripts"], pauseMs: 500, owners: "of each process" },
  shared: { share: 3, faults: ["scripts"], pauseMs: 500, owners: "of all" },
  slots: {
    share: 4,
    faults: ["slot", "slot", "nodeClients"],
    pauseMs: 300,
    least: 3,
    place: "cluster",
    honest: true,
    mayLog: "kept moving",
  },
  sentinels: { share: 4, faults: ["killMaster"], pauseMs: 1_000, least: 1, place: "sentinels" },
  mixed: {
    share: 14,
    faults: ["cut", "cut", "delay", "kill", "stop", "stall", "scripts", "flush", "clients"],
    pauseMs: 250,
    longJobs: true,
  },
};

/** Four processes of ours, unless a phase says otherwise. */
export const FOUR = [OURS, OURS, OURS, OURS];

/**
 * Lets faults happen until `done` returns true for the number of faults so far.
 *
 * @param {object} phase one of PHASES
 * @param {object} world see run.mjs
 * @param {(happened: number) => boolean} done
 * @returns {Promise<number>} the number of faults
 */
export async function letHappen({ faults, pauseMs }, world, done) {
  let happened = 0;
  while (!done(happened)) {
    await sleep(faults.length > 0 ? world.random.below(2 * pauseMs) : 50);
    if (faults.length === 0 || done(happened) || !world.fleet.pick()) continue;
    await FAULTS[world.random.of(faults)](world);
    happened += 1;
  }
  return happened;
}
