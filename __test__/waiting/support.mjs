// Helpers for the tests of waiting: they show who waits.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { messageOf } from "../support/children.mjs";
import { NS, until } from "../support/testbed.mjs";

/** The name of a key's queue, which has one entry per waiting client. */
async function queueOf(bed, key) {
  return (await bed.command("KEYS", "mlr!{*}w:*")).find((name) => name.endsWith(`w:${NS}${key}`));
}

/** @returns {Promise<number>} the number of clients that wait for a key */
export async function waitingClients(bed, key) {
  const queue = await queueOf(bed, key);
  return queue ? bed.command("ZCARD", queue) : 0;
}

/** Resolves when at least this number of clients wait for a key. */
export function untilWaiting(bed, key, clients) {
  return until(`${clients} clients wait for ${key}`, async () => (await waitingClients(bed, key)) >= clients);
}

/**
 * The number of scripts that clients ran on the server while `body` ran. Commands inside of scripts do not count.
 *
 * @returns {Promise<number>}
 */
export async function scriptsDuring(bed, body) {
  await bed.command("CONFIG", "RESETSTAT");
  await body();
  return scriptsSoFar(bed);
}

/** @returns {Promise<number>} the number of scripts that clients ran since the server's statistics began */
export async function scriptsSoFar(bed) {
  const stats = await bed.command("INFO", "commandstats");
  return [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

/**
 * Starts a process with a provider of its own that waits for a key.
 *
 * @param {object} bed
 * @param {object} options
 * @param {string} options.key
 * @param {number} options.waiters the number of calls that wait
 * @param {object} [options.options] the provider's, besides `redisUrl`
 * @returns {Promise<{ child: import("node:child_process").ChildProcess, served: number[] }>} once all calls have been made; `served` gets the
 *   token of each hold when it is reported
 */
export async function startWaiters(bed, { key, waiters, options = {} }) {
  const script = fileURLToPath(new URL("waiter-process.mjs", import.meta.url));
  const child = fork(script, [JSON.stringify({ url: bed.url, key, waiters, options })]);
  const served = [];
  child.on("message", (message) => message.token && served.push(message.token));
  await messageOf(child);
  return { child, served };
}
