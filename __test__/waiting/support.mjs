// What the tests of waiting share: how to see who waits.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { messageOf } from "../support/children.mjs";
import { NS, until } from "../support/testbed.mjs";

/** The queue of a key, by its tag: it has one entry per waiting client. */
async function queueOf(bed, key) {
  return (await bed.command("KEYS", "mlr!{*}w:*")).find((name) => name.endsWith(`w:${NS}${key}`));
}

/** @returns {Promise<number>} how many clients wait for a key */
export async function waitingClients(bed, key) {
  const queue = await queueOf(bed, key);
  return queue ? bed.command("ZCARD", queue) : 0;
}

/** Resolves when so many clients wait for a key, or more. */
export function untilWaiting(bed, key, clients) {
  return until(`${clients} clients wait for ${key}`, async () => (await waitingClients(bed, key)) >= clients);
}

/**
 * How many scripts clients ran on the server while `body` ran. What a script calls does not count.
 *
 * @returns {Promise<number>}
 */
export async function scriptsDuring(bed, body) {
  await bed.command("CONFIG", "RESETSTAT");
  await body();
  return scriptsSoFar(bed);
}

/** @returns {Promise<number>} how many scripts clients ran since the server's statistics began */
export async function scriptsSoFar(bed) {
  const stats = await bed.command("INFO", "commandstats");
  return [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

/**
 * A process with a provider of its own that waits for a key.
 *
 * @param {object} bed
 * @param {object} options
 * @param {string} options.key
 * @param {number} options.waiters calls that wait
 * @param {object} [options.options] the provider's, besides `redisUrl`
 * @returns {Promise<{ child: import("node:child_process").ChildProcess, served: number[] }>} once all calls have been made; `served`:
 *   tokens of the holds, as they are told
 */
export async function startWaiters(bed, { key, waiters, options = {} }) {
  const script = fileURLToPath(new URL("waiter-process.mjs", import.meta.url));
  const child = fork(script, [JSON.stringify({ url: bed.url, key, waiters, options })]);
  const served = [];
  child.on("message", (message) => message.token && served.push(message.token));
  await messageOf(child);
  return { child, served };
}
