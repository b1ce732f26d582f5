// Starts the processes of the shop, holds a sale with them, and ends them.

import { fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { UserError } from "../../harness/process.mjs";
import { holdsOf } from "./holds.mjs";

const BUYERS = fileURLToPath(new URL("./buyers.mjs", import.meta.url));

/** Several processes that sell the same item. */
export class Shop {
  #workers = [];

  /**
   * Starts the processes and waits until each has booted the Locking Module.
   *
   * @param {number} count the number of processes
   * @param {{ redisUrl: string, provider: string, prefix: string }} options `provider`: the module that Medusa resolves; `prefix`: the
   *   prefix of all keys
   * @throws {UserError} if one of them ends or does not boot within 40 seconds
   */
  async open(count, { redisUrl, provider, prefix }) {
    const env = { LOG_LEVEL: "warn", ...process.env, REDIS_URL: redisUrl, LOCKING_PROVIDER: provider, SALE_PREFIX: prefix };
    for (let i = 0; i < count; i += 1) this.#workers.push(new Worker(env));
    await withinMs(
      40_000,
      "a shop process did not boot",
      this.#workers.map((worker) => worker.next("ready")),
    );
  }

  /**
   * Lets all buyers buy at once, spread evenly over the processes.
   *
   * @param {{ locked: boolean, buyers: number, onServed: (served: number) => void }} options
   * @returns {Promise<{ counts: { bought: number, soldOut: number, failed: number }, waitsMs: number[],
   *   holds: import("./holds.mjs").Holds, error?: string, elapsedMs: number }>} `error`: why the first one failed, when any did
   * @throws {UserError} when a process ends or the sale takes longer than 60 seconds
   */
  async sale({ locked, buyers, onServed }) {
    const shares = this.#workers.map(() => []);
    for (let buyer = 0; buyer < buyers; buyer += 1) shares[buyer % shares.length].push(`buyer-${buyer + 1}`);
    let served = 0;
    const started = performance.now();
    const results = this.#workers.map((worker, at) => {
      worker.onServed = () => {
        served += 1;
        onServed(served);
      };
      worker.send({ type: "sale", locked, buyers: shares[at] });
      return worker.next("result");
    });
    const all = await withinMs(60_000, "the sale did not end", results);
    const elapsedMs = performance.now() - started;
    const counts = { bought: 0, soldOut: 0, failed: 0 };
    for (const result of all) for (const name of Object.keys(counts)) counts[name] += result.counts[name];
    const error = all.find((result) => result.error)?.error;
    const holds = holdsOf(all.map((result) => result.times));
    return { counts, waitsMs: all.flatMap((result) => result.waitsMs), holds, error, elapsedMs };
  }

  /** Ends the processes. May be called twice. */
  async close() {
    await Promise.all(this.#workers.splice(0).map((worker) => worker.end()));
  }
}

async function withinMs(limitMs, what, promises) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new UserError(`${what} within ${limitMs / 1000} seconds`)), limitMs);
  });
  try {
    return await Promise.race([Promise.all(promises), late]);
  } finally {
    clearTimeout(timer);
  }
}

class Worker {
  #child;
  #output = "";
  #ended;
  #waiting = new Map();

  onServed = () => {};

  constructor(env) {
    this.#child = fork(BUYERS, { env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.#output = (this.#output + text).slice(-8_000);
      });
    }
    this.#child.on("message", (message) => {
      if (message.type === "served") this.onServed();
      else this.#waiting.get(message.type)?.resolve(message);
    });
    this.#child.on("error", () => {});
    this.#ended = new Promise((resolve) => {
      // "exit" is used because "close" does not come if this side ends the channel first.
      this.#child.on("exit", async (code, signal) => {
        resolve();
        // The last output of the process may still be in the pipe.
        await sleep(100);
        const error = new UserError(`a shop process ended (${signal ?? `exit code ${code}`}): ${this.#reason()}`);
        for (const { reject } of this.#waiting.values()) reject(error);
      });
    });
  }

  next(type) {
    return new Promise((resolve, reject) => this.#waiting.set(type, { resolve, reject }));
  }

  send(message) {
    this.#child.send(message, () => {});
  }

  async end() {
    if (this.#child.connected) this.#child.disconnect();
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 3_000);
    await this.#ended;
    clearTimeout(late);
  }

  // The line of the output that best explains why the process ended.
  #reason() {
    const lines = this.#output
      .trim()
      .split("\n")
      .map((line) => line.trim());
    return lines.find((line) => /^(\w*Error\b|error:)/i.test(line)) ?? (lines.at(-1) || "it printed nothing");
  }
}
