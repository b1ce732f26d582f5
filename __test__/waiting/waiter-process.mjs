// A process whose calls wait for one key. It reports the token of each hold, and ends when all calls were served.

import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";

const { url, key, waiters, options } = JSON.parse(process.argv[2]);
const { locking, shutdown } = await boot();

async function boot() {
  const booted = await bootLocking({ providers: [providerEntry({ redisUrl: url, ...options })] });
  return { locking: booted.locking, shutdown: () => booted.shutdown() };
}

const calls = Array.from({ length: waiters }, () =>
  locking.execute(
    key,
    async (_signal, lock) => {
      lock.assertHeld();
      process.send({ token: lock.fencingTokens[key] });
    },
    { timeout: 120 },
  ),
);
process.send("waiting");
const outcomes = await Promise.allSettled(calls);
await shutdown();
process.send({ outcomes: outcomes.map(({ reason }) => reason?.code ?? "served") }, () => process.exit(0));
