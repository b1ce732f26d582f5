// Runs under Bun. Its argument is the URL of Redis. It prints one JSON line with its results.

import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.MLR_INSTALLED, "package.json"));
const { asValue } = require("@medusajs/framework/awilix");
const { createMedusaContainer } = require("@medusajs/framework/utils");
const { default: provider } = require("medusa-locking-redis");

const container = createMedusaContainer();
const logger = { info() {}, warn: console.error, error: console.error };
container.register("logger", asValue(logger));
await provider.loaders[0]({ container, logger, options: { redisUrl: process.argv[2] }, moduleOptions: {} });
const locking = new provider.services[0](container.cradle);

let inside = 0;
let most = 0;
let finished = 0;
await Promise.all(
  Array.from({ length: 50 }, (_, at) =>
    locking.execute(
      ["hot", `own-${at}`],
      async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setTimeout(resolve, 1));
        inside -= 1;
        finished += 1;
      },
      { timeout: 30 },
    ),
  ),
);
await locking.acquire("k", { ownerId: "me", expire: 10 });
const refused = await locking.acquire("k", { ownerId: "you" }).catch((error) => error.code);
const released = await locking.release("k", { ownerId: "me" });
await locking.shutdown();
console.log(JSON.stringify({ bun: Boolean(process.versions.bun), finished, most, refused, released }));
