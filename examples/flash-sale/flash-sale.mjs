// A flash sale: far more buyers than items, several server processes, and Medusa's Locking Module between them and the stock.

import { randomUUID } from "node:crypto";
import { parseRedisUrl } from "../../harness/redis-servers.mjs";
import { connect } from "../../harness/resp-client.mjs";
import { writePage } from "./page.mjs";
import { Shop } from "./shop.mjs";

/**
 * Holds the sale twice, first without a lock and then with it, prints the results of both, and draws them.
 *
 * @param {object} options
 * @param {string} options.redisUrl
 * @param {string} [options.provider] the module that Medusa resolves as the locking provider; default `medusa-locking-redis`
 * @param {string} [options.label] the name of the provider in the output; default `provider`
 * @param {number} [options.buyers] default 400
 * @param {number} [options.items] items in stock; default 100
 * @param {number} [options.processes] default 4
 * @param {string} [options.page] the file for a page with a picture of both sales; default no page
 * @param {AbortSignal} [options.signal] ends the sales early, and removes their keys
 * @returns {Promise<boolean>} true if the sale with the lock sold exactly the items in stock
 * @throws {UserError} if a process of the shop fails, or the page cannot be written
 */
export async function flashSale(options) {
  const { redisUrl, provider = "medusa-locking-redis", label = provider, page, signal } = options;
  const { buyers = 400, items = 100, processes = 4 } = options;
  const prefix = `flash-sale:${randomUUID().slice(0, 8)}:`;
  const redis = await connect(parseRedisUrl(redisUrl));
  const shop = new Shop();
  const interrupted = new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  interrupted.catch(() => {});
  const sales = async () => {
    console.log(`${processes} shop processes boot Medusa's Locking Module with ${label}`);
    await shop.open(processes, { redisUrl, provider, prefix });
    console.log(`${buyers} buyers want one of ${items} items, all at once`);
    const without = await sell({ shop, redis, prefix, buyers, items, locked: false });
    const withLock = await sell({ shop, redis, prefix, buyers, items, locked: true });
    const rows = tableOf(without, withLock);
    printTable(rows);
    const { exact, sentences } = verdict(without, withLock, { buyers, items });
    for (const sentence of sentences) console.log(sentence);
    if (page) {
      await writePage(page, { label, buyers, items, processes, rows, sentences, without: without.holds, withLock: withLock.holds });
      console.log(`Who was at the checkout when, as a picture: ${page}`);
    }
    return exact;
  };
  try {
    return await Promise.race([sales(), interrupted]);
  } finally {
    await shop.close();
    await removeKeys(redis, prefix).catch(() => {});
    redis.close();
  }
}

async function sell({ shop, redis, prefix, buyers, items, locked }) {
  await redis.command("DEL", `${prefix}orders`);
  await redis.command("SET", `${prefix}stock`, items);
  const progress = new Progress(locked ? "with the lock" : "without a lock", buyers);
  const result = await shop.sale({ locked, buyers, onServed: (served) => progress.show(served) });
  progress.end();
  const orders = await redis.command("LLEN", `${prefix}orders`);
  const stockLeft = Number(await redis.command("GET", `${prefix}stock`));
  return { ...result, orders, stockLeft, oversoldBy: Math.max(orders - items, 0) };
}

// The lock's own side keys outside of this prefix stay: they expire by themselves, or they are fencing counters, which must stay.
async function removeKeys(redis, prefix) {
  let cursor = "0";
  do {
    const [next, keys] = await redis.command("SCAN", cursor, "MATCH", `${prefix}*`, "COUNT", 1000);
    if (keys.length > 0) await redis.command("UNLINK", ...keys);
    cursor = next;
  } while (cursor !== "0");
}

class Progress {
  #label;
  #total;
  #shown = 0;

  constructor(label, total) {
    this.#label = label.padEnd(15);
    this.#total = total;
  }

  show(served) {
    // A terminal gets a moving bar; a log gets a line per quarter.
    const steps = process.stdout.isTTY ? 40 : 4;
    const step = Math.floor((served / this.#total) * steps);
    if (step === this.#shown) return;
    this.#shown = step;
    const text = `${this.#label} ${String(served).padStart(String(this.#total).length)} of ${this.#total} buyers served`;
    if (process.stdout.isTTY) process.stdout.write(`\r${text} ${"#".repeat(step).padEnd(steps, ".")}`);
    else console.log(text);
  }

  end() {
    if (process.stdout.isTTY) process.stdout.write("\n");
  }
}

function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0;
}

/** The rows of the table: a name, and a text for each of the two sales. */
function tableOf(without, withLock) {
  const number = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 0 });
  const ms = (value) => `${number(value)} ms`;
  const rows = [
    ["bought", ({ orders }) => number(orders)],
    ["stock left", ({ stockLeft }) => number(stockLeft)],
    ["oversold by", ({ oversoldBy }) => number(oversoldBy)],
    ["found it sold out", ({ counts }) => number(counts.soldOut)],
    ["gave up or failed", ({ counts }) => number(counts.failed)],
    ["checkouts", ({ holds }) => number(holds.all.length)],
    ["overlapped another", ({ holds }) => number(holds.overlapping)],
    ["most at the same time", ({ holds }) => number(holds.mostAtOnce)],
    ["wait for the lock, p50", ({ waitsMs }) => ms(percentile(waitsMs, 0.5))],
    ["wait for the lock, p99", ({ waitsMs }) => ms(percentile(waitsMs, 0.99))],
    ["elapsed", ({ elapsedMs }) => ms(elapsedMs)],
  ];
  return rows.map(([name, cell]) => [name, name.startsWith("wait") ? "-" : cell(without), cell(withLock)]);
}

function printTable(rows) {
  console.log("");
  for (const [name, left, right] of [["", "without a lock", "with the lock"], ...rows]) {
    console.log(`${name.padEnd(24)}${left.padStart(16)}${right.padStart(16)}`);
  }
  console.log("");
}

function verdict(without, withLock, { buyers, items }) {
  const expected = Math.min(buyers, items);
  const exact = withLock.orders === expected && withLock.stockLeft === items - expected && withLock.counts.failed === 0;
  const first = without.oversoldBy > 0 ? `Without a lock the shop sold ${without.oversoldBy} items that it does not have. ` : "";
  const second = exact
    ? `With the lock it sold exactly ${expected}.`
    : `With the lock it should have sold exactly ${expected}, and did not.`;
  const error = withLock.error ?? without.error;
  return { exact, sentences: [first + second, ...(error ? [`The first failure: ${error}`] : [])] };
}
