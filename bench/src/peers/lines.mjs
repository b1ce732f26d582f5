// Measures the cost of callers that wait, and of locks that are held.

import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../../harness/process.mjs";
import { redisMemory } from "./meters.mjs";

const WAITERS = [1, 1_000, 50_000];
const IDLE_MS = 4_000;
/** Longest time in which a contestant may serve the line. */
const DRAIN_LIMIT_MS = 20_000;
const LOCKS = 10_000;
const LEASES = [10, 1_000, 10_000];
const LEASE_S = 5;
/** The length of two leases. */
const RENEWING_MS = 10_000;

/** So many calls of one process wait for a key that another process holds. Then they are served, one after the other. */
export async function waiters(name, context) {
  return eachCount(WAITERS, context, (count) => line(name, context, count));
}

async function line(name, { start, meter }, count) {
  const [holder, front] = await Promise.all([start(name), start(name)]);
  try {
    await untilHeld(holder, (onNote) => {
      holder.done = holder.run("hold", { key: "line" }, { timeoutMs: 120_000, onNote });
    });
    await front.run("line", { key: "line", count });
    const before = await front.run("cpu", {});
    const server = await idle(await meter(name), IDLE_MS);
    const after = await front.run("cpu", {});
    holder.send({ go: true });
    const { endedAt } = await holder.done;
    const lastAt = await servedAt(front);
    return { ...server, nodeShare: shareOf(after.cpuUs - before.cpuUs, IDLE_MS), drainMs: lastAt === undefined ? null : lastAt - endedAt };
  } finally {
    for (const contestant of [holder, front]) contestant.stop();
    await Promise.all([holder.exited, front.exited]);
  }
}

/** The load of a server in so many milliseconds while nobody calls. */
async function idle(since, ms) {
  await sleep(ms);
  const { serverCpuUs, commands } = await since();
  return {
    ...(commands === undefined ? {} : { commandsPerSecond: (commands / ms) * 1_000 }),
    serverShare: shareOf(serverCpuUs, ms),
  };
}

/** CPU time as a share of a core. */
const shareOf = (us, ms) => us / (ms * 1_000);

/** Measures the given counts, one after the other. Each count is a cell. A quick run takes the first two. */
export async function eachCount(counts, { observer, quick }, measure) {
  const measured = {};
  for (const count of quick ? counts.slice(0, 2) : counts) {
    measured[String(count)] = await measure(count);
    await observer.command("FLUSHALL");
  }
  return measured;
}

/** So many locks of one process need renewals: each has a lease of 5 s. */
export async function renewals(name, context) {
  const { start, meter, quick } = context;
  return eachCount(LEASES, context, async (count) => {
    const contestant = await start(name);
    try {
      let server;
      const ms = quick ? RENEWING_MS / 2 : RENEWING_MS;
      const { lost, blockMs, cpuUs } = await holdMany(contestant, { count, expire: LEASE_S }, async () => {
        server = await idle(await meter(name), ms);
      });
      return { ...server, nodeShare: shareOf(cpuUs, ms), blockMs, lost };
    } finally {
      contestant.stop();
      await contestant.exited;
    }
  });
}

async function servedAt(front) {
  try {
    return (await front.run("served", { key: "line" }, { timeoutMs: DRAIN_LIMIT_MS })).lastAt;
  } catch (error) {
    if (error instanceof UserError && error.message.includes("no result within")) return undefined;
    throw error;
  }
}

/** One process holds so many keys at the same time. */
export async function memory(name, { start, observer, quick }) {
  const contestant = await start(name);
  try {
    const count = quick ? LOCKS / 10 : LOCKS;
    // This compiles the code, and lets both sides allocate their one-time memory.
    await holdMany(contestant, { count: 500 }, async () => {});
    const before = await redisMemory(observer);
    let inRedis;
    const { bytesPerLock } = await holdMany(contestant, { count }, async () => {
      inRedis = (await redisMemory(observer)) - before;
    });
    return { [String(count)]: { nodeBytes: bytesPerLock, redisBytes: inRedis / count } };
  } finally {
    contestant.stop();
    await contestant.exited;
  }
}

async function holdMany(contestant, params, whileHeld) {
  let done;
  await untilHeld(contestant, (onNote) => {
    done = contestant.run("holdMany", params, { onNote });
  });
  await whileHeld();
  contestant.send({ go: true });
  return done;
}

/** Begins a task. Resolves when the task tells that its keys are held. */
function untilHeld(contestant, begin) {
  return new Promise((resolve, reject) => {
    begin(resolve);
    contestant.exited.then(() => reject(new UserError("the process of a contestant ended")));
  });
}
