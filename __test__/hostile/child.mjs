// The process that meets the hostile server. It boots the module, works when it is told to, and reports the outcome.

import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";

const options = JSON.parse(process.argv[2]);
const { locking, logs } = await bootLocking({ providers: [providerEntry(options)] });

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const watched = { blockedMs: 0, mostBytes: 0 };
let [at, cpu] = [process.hrtime.bigint(), process.cpuUsage()];

/** Measures the longest time for which the loop was busy. Time that other processes took away from this one does not count. */
setInterval(() => {
  const [now, used] = [process.hrtime.bigint(), process.cpuUsage(cpu)];
  const busyMs = Math.min(Number(now - at) / 1e6 - 5, (used.user + used.system) / 1e3);
  watched.blockedMs = Math.max(watched.blockedMs, busyMs);
  watched.mostBytes = Math.max(watched.mostBytes, process.memoryUsage.rss());
  [at, cpu] = [process.hrtime.bigint(), process.cpuUsage()];
}, 5);

const told = (error) => ({
  code: error.code,
  message: String(error.message).slice(0, 2_000),
  cause: String(error.cause ?? "").slice(0, 2_000),
});
const outcome = (promise) => promise.then(() => ({ code: "done" }), told);

/** A few calls of each kind, each with a limit. */
const call = (name) => [
  outcome(locking.execute(`${name}-a`, async () => {}, { timeout: 1 })),
  outcome(locking.execute([`${name}-b`, `${name}-c`], async () => {}, { timeout: 1 })),
  outcome(locking.acquire(`${name}-d`, { ownerId: "me", expire: 2, awaitQueue: true, timeout: 1 })),
];

const SCENES = {
  async calls({ name }) {
    const began = Date.now();
    const outcomes = await Promise.all(call(name));
    return { outcomes, ms: Date.now() - began };
  },
  /** A job whose lock has to be renewed while the server is hostile. */
  async job({ name, forMs, expire }) {
    let held = true;
    const ended = await outcome(
      locking.execute(
        `${name}-job`,
        async (signal) => {
          signal.addEventListener("abort", () => {
            held = false;
          });
          await sleep(forMs);
        },
        { timeout: 5, expire },
      ),
    );
    return { held, ended };
  },
  /** Makes calls until one works again, for ten seconds at most. */
  async recovers({ name }) {
    const began = Date.now();
    for (let attempt = 0; Date.now() - began < 10_000; attempt += 1) {
      const { code } = await outcome(locking.execute(`${name}-r${attempt}`, async () => {}, { timeout: 5 }));
      if (code === "done") return { ms: Date.now() - began };
    }
    return { ms: undefined };
  },
  async measure() {
    globalThis.gc();
    await sleep(20);
    Object.assign(watched, { blockedMs: 0, mostBytes: process.memoryUsage.rss() });
    return watched.mostBytes;
  },
  async measured() {
    return {
      ...watched,
      longestLine: Math.max(0, ...logs.map(({ text }) => text.length)),
      lines: logs.splice(0).map(({ text }) => text.slice(0, 400)),
    };
  },
};

process.on("message", async ({ number, scene, ...rest }) => {
  process.send({ number, result: await SCENES[scene](rest) });
});
process.send({ number: 0, result: "ready" });
