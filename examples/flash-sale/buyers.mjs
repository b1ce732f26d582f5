// One process of the shop: it boots Medusa's Locking Module, and its share of the buyers all buy at the same time.

import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { parseRedisUrl } from "../../harness/redis-servers.mjs";
import { connect } from "../../harness/resp-client.mjs";

const require = createRequire(import.meta.url);
const { MedusaApp } = require("@medusajs/framework/modules-sdk");
const { Modules } = require("@medusajs/framework/utils");

const { REDIS_URL, LOCKING_PROVIDER, SALE_PREFIX } = process.env;
const STOCK = `${SALE_PREFIX}stock`;
const ORDERS = `${SALE_PREFIX}orders`;
// The time between reading the stock and writing it back: a payment, a few queries.
const CHECKOUT_MS = 4;
// The longest that a buyer waits for the lock, in seconds.
const PATIENCE_SECONDS = 30;

const app = await MedusaApp({
  modulesConfig: {
    [Modules.LOCKING]: {
      resolve: "@medusajs/locking",
      options: {
        providers: [
          {
            id: "locking-redis",
            resolve: LOCKING_PROVIDER,
            is_default: true,
            options: { redisUrl: REDIS_URL, namespace: `${SALE_PREFIX}lock:` },
          },
        ],
      },
    },
  },
});
const locking = app.modules[Modules.LOCKING];
const redis = await connect(parseRedisUrl(REDIS_URL));

/** The time in milliseconds, on the clock that all processes of a machine share. */
function nowMs() {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
}

/**
 * A shop's checkout: it reads the stock, takes the payment, and writes the stock back. Two checkouts at the same time sell one item twice.
 */
async function checkout(buyer) {
  const stock = Number(await redis.command("GET", STOCK));
  if (stock <= 0) return "soldOut";
  await sleep(CHECKOUT_MS);
  await redis.command("SET", STOCK, stock - 1);
  await redis.command("RPUSH", ORDERS, buyer);
  return "bought";
}

/** A checkout that adds its start and its end to `times`. */
async function timedCheckout(buyer, times) {
  const startMs = nowMs();
  try {
    return await checkout(buyer);
  } finally {
    times.push([startMs, nowMs()]);
  }
}

async function buy(buyer, locked, times) {
  if (!locked) return { outcome: await timedCheckout(buyer, times), waitMs: 0 };
  const asked = performance.now();
  let waitMs = 0;
  const job = () => {
    waitMs = performance.now() - asked;
    return timedCheckout(buyer, times);
  };
  const outcome = await locking.execute(`${SALE_PREFIX}item`, job, { timeout: PATIENCE_SECONDS });
  return { outcome, waitMs };
}

async function sale({ locked, buyers }) {
  const counts = { bought: 0, soldOut: 0, failed: 0 };
  const waitsMs = [];
  const times = [];
  let error;
  const one = async (buyer) => {
    try {
      const { outcome, waitMs } = await buy(buyer, locked, times);
      counts[outcome] += 1;
      waitsMs.push(waitMs);
    } catch (reason) {
      counts.failed += 1;
      error ??= reason.message;
    }
    process.send({ type: "served" });
  };
  await Promise.all(buyers.map(one));
  process.send({ type: "result", counts, waitsMs, times, error });
}

process.on("message", (message) => {
  if (message.type === "sale") sale(message);
});
// The parent has ended or needs this process no more, so it ends at once.
process.on("disconnect", () => process.exit(0));
process.send({ type: "ready" });
