// A shop's process that carries out orders about locks, and reports the results.
//   node instance.mjs '{"redisUrl": "…", "resolve": "the provider"}'

import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";
import { block } from "../support/testbed.mjs";

const { resolve, ...options } = JSON.parse(process.argv[2]);
const { locking } = await bootLocking({ providers: [providerEntry(options, resolve ? { resolve } : {})] });

const ORDERS = {
  /** Holds a key by a job that ends only if the lock is lost. */
  hold({ key, expire = 60 }) {
    const job = locking.execute(
      key,
      (signal, lock) =>
        new Promise((_, reject) => {
          process.send({ held: key, token: lock?.fencingTokens[key] });
          signal?.addEventListener("abort", () => reject(signal.reason));
        }),
      { expire },
    );
    job.catch((error) => process.send({ lost: key, code: error.code, message: error.message, cause: String(error.cause?.message) }));
  },
  /** Waits for a key, and gives the lock back as soon as it has it. */
  wait({ key }) {
    locking.execute(key, async () => process.send({ served: key }), { timeout: 120 }).catch(() => {});
    process.send({ waits: key });
  },
  async acquire({ key, ...args }) {
    await locking.acquire(key, args);
    process.send({ acquired: key });
  },
  /** Blocks the event loop. */
  block({ ms }) {
    process.send({ blocks: true }, () => block(ms));
  },
};

process.on("message", (order) => ORDERS[order.do](order));
process.send({ ready: true });
