// One process of the mixed load. It executes on few keys, and proves in Redis that nobody else is inside.

import assert from "node:assert/strict";
import { once } from "node:events";
import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";
import { connect } from "../../harness/resp-client.mjs";

const { resolve, port, jobs, callers, keys } = JSON.parse(process.argv[2]);

const redis = await connect({ port });
// The official package takes these options from the module.
const options = { defaultRetryInterval: 2, maximumRetryInterval: 20 };
const booted = await bootLocking({ providers: [providerEntry({ redisUrl: `redis://127.0.0.1:${port}` }, { resolve })], options });

let left = jobs;
let done = 0;
const caller = async (number) => {
  while (left > 0) {
    left -= 1;
    const key = keys[(left + number) % keys.length];
    await booted.locking.execute(
      key,
      async () => {
        const inside = await redis.command("INCR", `inside:${key}`);
        // One more command gives others time to come in, if they can.
        await redis.command("INCR", `jobs:${key}`);
        await redis.command("DECR", `inside:${key}`);
        assert.equal(inside, 1, `${inside} jobs at once on ${key}`);
      },
      { timeout: 120 },
    );
    done += 1;
  }
};

let outcome;
try {
  const start = once(process, "message");
  process.send("ready");
  await start;
  await Promise.all(Array.from({ length: callers }, (_, number) => caller(number)));
  outcome = { done };
} catch (error) {
  outcome = { failed: error.stack };
}
await booted.shutdown();
redis.close();
// The official package's timers run on for as long as each call might have waited, so the process must be told to exit.
process.send(outcome, () => process.exit(0));
