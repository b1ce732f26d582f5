// Helpers for the tests of hostile servers: a process that meets such a server, and assertions about the process.

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("./child.mjs", import.meta.url));
/** Calls have a limit of one second. The rest is for a slow machine. */
const CALLS_END_MS = 8_000;
const MOST_BYTES = 64 << 20;
const MOST_BLOCKED_MS = 100;

/**
 * Starts a process with a provider of these options. The process ends after this file's last test.
 *
 * @returns {Promise<(scene: string, args?: object) => Promise<any>>} a function that has the process play a scene
 */
export async function startVictim(options) {
  const child = fork(CHILD, [JSON.stringify(options)], { execArgv: ["--expose-gc"] });
  const open = new Map();
  let [count, died] = [0, undefined];
  child.on("message", ({ number, result }) => open.get(number)?.resolve(result));
  child.on("exit", (code, signal) => {
    died = new Error(`the process ended with ${code ?? signal}`);
    for (const { reject } of open.values()) reject(died);
  });
  after(() => child.kill("SIGKILL"));
  const answered = (number, what) =>
    new Promise((resolve, reject) => {
      if (died) return reject(died);
      const guard = setTimeout(() => reject(new Error(`${what} hangs`)), 60_000);
      open.set(number, {
        resolve: (result) => {
          clearTimeout(guard);
          open.delete(number);
          resolve(result);
        },
        reject: (error) => {
          clearTimeout(guard);
          reject(error);
        },
      });
    });
  await answered(0, "the boot");
  return (scene, args = {}) => {
    count += 1;
    const result = answered(count, scene);
    child.send({ number: count, scene, ...args });
    return result;
  };
}

/**
 * Exposes the victim to bad answers for a while, and returns its measurements.
 *
 * @param {object} at `server`, `victim`, `name` of the answers, and `meanwhile`: the work while the answers are bad
 */
export async function liveThrough({ server, victim, name, reply, meets, meanwhile }) {
  const before = await victim("measure");
  server.turnBad(reply, meets);
  let seen;
  let ms;
  try {
    seen = await meanwhile();
    server.turnGood();
    ({ ms } = await victim("recovers", { name }));
  } catch (error) {
    throw new Error(`${name}: ${error.message}`);
  }
  const { blockedMs, mostBytes, longestLine, lines } = await victim("measured");
  return { seen, recoveredMs: ms, blockedMs, grewBy: mostBytes - before, longestLine, lines };
}

/** Asserts that the victim is unharmed. `control` has the measurements with a good server, as a measure of this machine. */
export function assertUnharmed(fared, control, name) {
  const shown = `${name}: ${JSON.stringify(fared).slice(0, 3_000)}`;
  assert.notEqual(fared.recoveredMs, undefined, `it does not recover: ${shown}`);
  assert.ok(fared.grewBy <= MOST_BYTES, `memory grew by ${fared.grewBy >> 20} MB: ${shown}`);
  assert.ok(fared.blockedMs <= MOST_BLOCKED_MS + 5 * control.blockedMs, `the loop was blocked for ${fared.blockedMs} ms: ${shown}`);
  assert.ok(fared.longestLine <= 1_000, `a line of ${fared.longestLine} characters: ${shown}`);
}

/** Asserts that calls with a limit ended in time, with short errors. */
export function assertEnded({ outcomes, ms }, name) {
  assert.ok(ms <= CALLS_END_MS, `calls with a limit of 1 s ended after ${ms} ms: ${name}`);
  for (const { message, cause } of outcomes) {
    assert.ok((message ?? "").length <= 1_000 && (cause ?? "").length <= 1_000, `a long error: ${name}: ${message} ${cause}`);
  }
}
