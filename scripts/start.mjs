// npm start: the package's main job, shown. Does all set-up by itself.

import path from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../harness/paths.mjs";
import { runMain, UserError } from "../harness/process.mjs";
import { ensureRedis } from "../harness/redis-servers.mjs";
import { ensureBuilt, ensureNodeModules } from "../harness/setup.mjs";

const HELP = `Usage: npm start -- [options]

A flash sale on Medusa's Locking Module: first without a lock (it oversells), then with it.

  --buyers N        how many buyers, 1 to 10000 (default 400)
  --items N         items in stock, 1 to 10000 (default 100)
  --processes N     server processes, 1 to 16 (default 4)
  --redis-port N    port of the private Redis that is started (default a free one)
  --provider NAME   another locking provider, such as @medusajs/locking-redis
  --help            this text

LOCKING_REDIS_URL, if set, names the Redis to use instead of a private one.`;

const LIMITS = { buyers: 10_000, items: 10_000, processes: 16, "redis-port": 65_535 };

function options() {
  const number = { type: "string" };
  let values;
  try {
    ({ values } = parseArgs({
      options: { buyers: number, items: number, processes: number, "redis-port": number, provider: number, help: { type: "boolean" } },
    }));
  } catch (error) {
    throw new UserError(`${error.message.split(". ")[0]} (npm start -- --help lists the options)`);
  }
  for (const [name, limit] of Object.entries(LIMITS)) {
    if (values[name] === undefined) continue;
    const value = Number(values[name]);
    if (!/^\d+$/.test(values[name]) || value < 1 || value > limit) {
      throw new UserError(`--${name} must be a whole number from 1 to ${limit}, not "${values[name]}"`);
    }
    values[name] = value;
  }
  return values;
}

await runMain(async () => {
  const { help, provider, "redis-port": port, ...numbers } = options();
  if (help) {
    console.log(HELP);
    return;
  }
  const log = (line) => console.log(line);
  await ensureNodeModules({ log });
  if (!provider) await ensureBuilt({ log });
  const redis = await ensureRedis({ port });
  const interrupt = new AbortController();
  const onSignal = (name) => interrupt.abort(new UserError(`interrupted by ${name}`));
  for (const name of ["SIGINT", "SIGTERM"]) process.once(name, onSignal);
  try {
    console.log(`Redis: ${redis.label}${redis.private ? " (private, only for this run)" : " (LOCKING_REDIS_URL)"}`);
    // Imported late: until here node_modules may not have been there.
    const { flashSale } = await import("../examples/flash-sale/flash-sale.mjs");
    const resolve = provider ?? path.join(ROOT, "index.js");
    const label = provider ?? "medusa-locking-redis";
    const exact = await flashSale({ redisUrl: redis.url, provider: resolve, label, signal: interrupt.signal, ...numbers });
    if (!exact) process.exitCode = 1;
  } finally {
    await redis.stop();
  }
});
