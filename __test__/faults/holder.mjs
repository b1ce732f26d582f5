// Holds "k" by a job that never ends, with a lease of a minute and maximumLeaseMs 2000. It tells its parent when it holds the key.
//   node holder.mjs REDIS_URL NAMESPACE

import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";

const [redisUrl, namespace] = process.argv.slice(2);
const { locking } = await bootLocking({ providers: [providerEntry({ redisUrl, namespace, maximumLeaseMs: 2_000 })] });
await locking.execute(
  "k",
  () => {
    process.send("holds");
    return new Promise(() => {});
  },
  { expire: 60 },
);
