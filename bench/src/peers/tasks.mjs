// The tasks of a process for the comparison with other packages. Each task has a time instead of a number of calls, so that slow and quick
// contestants take the same time.

import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** The pause between two looks of the monitor. Its delays include this pause. Each look costs CPU time. */
const RESOLUTION_MS = 10;
const emptyJob = async () => {};
let round = 0;

const keysOf = (at, keys) => (keys === 1 ? `w${round}-${at}` : Array.from({ length: keys }, (_, which) => `w${round}-${at}-${which}`));

/** Resolves when the parent sends a message. */
const word = () => new Promise((resolve) => process.once("message", resolve));

export const PEER_TASKS = {
  /** So many callers at the same time, which come back at once for the given time, to keys that nobody else wants. */
  async spell(contestant, { width, keys = 1, ms }) {
    round += 1;
    const times = [];
    const cpu = process.cpuUsage();
    const start = performance.now();
    const end = start + ms;
    let at = 0;
    const one = async () => {
      for (let began = performance.now(); began < end; ) {
        at += 1;
        await contestant.execute(keysOf(at, keys), emptyJob);
        const now = performance.now();
        times.push((now - began) * 1_000);
        began = now;
      }
    };
    await Promise.all(Array.from({ length: width }, one));
    const elapsedUs = (performance.now() - start) * 1_000;
    const used = process.cpuUsage(cpu);
    times.sort((a, b) => a - b);
    return { count: times.length, elapsedUs, cpuUs: used.user + used.system, medianUs: times[times.length >> 1] };
  },

  /** CPU time of this process so far, all threads. */
  async cpu() {
    const { user, system } = process.cpuUsage();
    return { cpuUs: user + system };
  },

  /** Holds a key until the parent sends a message. Returns the time at which the job ended. */
  async hold(contestant, { key }, tell) {
    let endedAt;
    await contestant.execute(key, async () => {
      const told = word();
      await tell({ note: "held" });
      await told;
      endedAt = Number(process.hrtime.bigint()) / 1e6;
    });
    return { endedAt };
  },

  /**
   * Holds so many keys at the same time until the parent sends a message. Returns the memory in this process per lock, the longest block of
   * the event loop and the CPU time in that period, and the number of calls that failed.
   */
  async holdMany(contestant, { count, expire }, tell) {
    round += 1;
    const told = word();
    globalThis.gc();
    const before = residentBytes();
    let [held, lost] = [0, 0];
    let all;
    const everyOne = new Promise((resolve) => {
      const job = async () => {
        held += 1;
        if (held === count) resolve();
        await told;
      };
      const one = (_, at) =>
        contestant.execute(keysOf(at, 1), job, expire === undefined ? {} : { expire }).catch((error) => {
          // Some contestants report a loss only when the job has ended.
          if (held < count) throw error;
          lost += 1;
        });
      all = Promise.all(Array.from({ length: count }, one));
    });
    await Promise.race([everyOne, all]);
    globalThis.gc();
    const bytesPerLock = (residentBytes() - before) / count;
    const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    delay.enable();
    const cpu = process.cpuUsage();
    await tell({ note: "held" });
    await told;
    const { user, system } = process.cpuUsage(cpu);
    delay.disable();
    await all;
    return { bytesPerLock, blockMs: Math.max(0, delay.max / 1e6 - RESOLUTION_MS), cpuUs: user + system, lost };
  },
};

function residentBytes() {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1_024;
}
