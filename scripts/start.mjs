// npm start: shows the package's main job. It does all set-up by itself.

import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { CACHE, ROOT } from "../harness/paths.mjs";
import { runMain, UserError } from "../harness/process.mjs";
import { ensureRedis } from "../harness/redis-servers.mjs";
import { ensureBuilt, ensureNodeModules } from "../harness/setup.mjs";

const USAGE = `usage: npm start -- [options]

A flash sale on Medusa's Locking Module: first without a lock (it oversells), then with it.

  --buyers N        how many buyers, 1 to 10000 (default 400)
  --items N         items in stock, 1 to 10000 (default 100)
  --processes N     server processes, 1 to 16 (default 4)
  --redis-port N    port of the private Redis that is started (default a free one)
  --provider NAME   another locking provider, such as @medusajs/locking-redis
  --page FILE       the page that shows both sales as a picture (default .cache/start/holds.html)
  --help            this text

LOCKING_REDIS_URL, if set, names the Redis to use instead of a private one.`;

const FLAGS = {
  buyers: { kind: "number", range: [1, 10_000] },
  items: { kind: "number", range: [1, 10_000] },
  processes: { kind: "number", range: [1, 16] },
  "redis-port": { kind: "number", range: [1, 65_535] },
  provider: { kind: "text" },
  page: { kind: "text", default: path.join(CACHE, "start", "holds.html") },
};

await runMain(async () => {
  const { provider, "redis-port": port, buyers, items, processes, ...flags } = readCommandLine({ usage: USAGE, flags: FLAGS });
  const page = path.resolve(flags.page);
  const log = (line) => console.log(line);
  await ensureNodeModules({ log });
  if (!provider) await ensureBuilt({ log });
  const redis = await ensureRedis({ port });
  const interrupt = new AbortController();
  const onSignal = (name) => interrupt.abort(new UserError(`interrupted by ${name}`));
  for (const name of ["SIGINT", "SIGTERM"]) process.once(name, onSignal);
  try {
    console.log(`Redis: ${redis.label}${redis.private ? " (private, only for this run)" : " (LOCKING_REDIS_URL)"}`);
    // This import comes late, because node_modules may not have existed until here.
    const { flashSale } = await import("../examples/flash-sale/flash-sale.mjs");
    const resolve = provider ?? path.join(ROOT, "index.js");
    const label = provider ?? "medusa-locking-redis";
    const { signal } = interrupt;
    const exact = await flashSale({ redisUrl: redis.url, provider: resolve, label, page, signal, buyers, items, processes });
    if (!exact) process.exitCode = 1;
  } finally {
    await redis.stop();
  }
});
