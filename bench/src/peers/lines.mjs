// What callers cost who wait, and what locks cost that are held.

import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../../harness/process.mjs";
import { redisMemory } from "./meters.mjs";

const WAITERS = 1_000;
const IDLE_MS = 4_000;
/** Who has not served the line by then is not waited for. */
const DRAIN_LIMIT_MS = 20_000;
const LOCKS = 10_000;

/** So many calls of one process wait for a key that another process holds; then they are served, one after the other. */
export async function waiters(name, { start, meter, quick }) {
  const [holder, front] = await Promise.all([start(name), start(name)]);
  try {
    const count = quick ? WAITERS / 10 : WAITERS;
    await untilHeld(holder, (onNote) => {
      holder.done = holder.run("hold", { key: "line" }, { timeoutMs: 120_000, onNote });
    });
    await front.run("line", { key: "line", count });
    const since = await meter(name);
    const before = await front.run("cpu", {});
    await sleep(IDLE_MS);
    const after = await front.run("cpu", {});
    const { serverCpuUs, commands } = await since();
    const share = (us) => us / (IDLE_MS * 1_000);
    holder.send({ go: true });
    const { endedAt } = await holder.done;
    const lastAt = await servedAt(front);
    return {
      [String(count)]: {
        ...(commands === undefined ? {} : { commandsPerSecond: (commands / IDLE_MS) * 1_000 }),
        nodeShare: share(after.cpuUs - before.cpuUs),
        serverShare: share(serverCpuUs),
        drainMs: lastAt === undefined ? null : lastAt - endedAt,
      },
    };
  } finally {
    for (const contestant of [holder, front]) contestant.stop();
    await Promise.all([holder.exited, front.exited]);
  }
}

async function servedAt(front) {
  try {
    return (await front.run("served", { key: "line" }, { timeoutMs: DRAIN_LIMIT_MS })).lastAt;
  } catch (error) {
    if (error instanceof UserError && error.message.includes("no result within")) return undefined;
    throw error;
  }
}

/** So many keys that one process holds at once. */
export async function memory(name, { start, observer, quick }) {
  const contestant = await start(name);
  try {
    const count = quick ? LOCKS / 10 : LOCKS;
    // Compiles what is needed, and lets both sides take what they take once.
    await holdMany(contestant, 500, async () => {});
    const before = await redisMemory(observer);
    let inRedis;
    const { bytesPerLock } = await holdMany(contestant, count, async () => {
      inRedis = (await redisMemory(observer)) - before;
    });
    return { [String(count)]: { nodeBytes: bytesPerLock, redisBytes: inRedis / count } };
  } finally {
    contestant.stop();
    await contestant.exited;
  }
}

async function holdMany(contestant, count, whileHeld) {
  let done;
  await untilHeld(contestant, (onNote) => {
    done = contestant.run("holdMany", { count }, { onNote });
  });
  await whileHeld();
  contestant.send({ go: true });
  return done;
}

/** Begins a task, and resolves when it tells that its keys are held. */
function untilHeld(contestant, begin) {
  return new Promise((resolve, reject) => {
    begin(resolve);
    contestant.exited.then(() => reject(new UserError("the process of a contestant ended")));
  });
}
