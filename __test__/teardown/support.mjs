// Runs the scenes of child.mjs in processes of their own.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { HANG_GUARD_MS } from "../support/testbed.mjs";

const CHILD = fileURLToPath(new URL("./child.mjs", import.meta.url));

/**
 * Starts a scene.
 *
 * @param {string[]} args the scene, the URL of Redis, and the other arguments of the scene
 * @param {string[]} [execArgv] flags for node
 * @param {Record<string, string>} [env] added to this process's environment
 * @returns {{ child: import("node:child_process").ChildProcess, ended: Promise<{ code: number | null, signal: string | null, output: string }>,
 *   said: (text: string) => Promise<void> }} `said` waits for a text in the scene's output, and rejects if the scene ends without it. A
 *   child that hangs is killed, and `ended` shows the signal
 */
export function play(args, execArgv = [], env = {}) {
  const child = fork(CHILD, args, { stdio: ["ignore", "pipe", "pipe", "ipc"], execArgv, env: { ...process.env, ...env } });
  const guard = setTimeout(() => child.kill("SIGKILL"), 4 * HANG_GUARD_MS);
  let output = "";
  const listeners = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise((resolve) =>
    child.on("close", (code, signal) => {
      clearTimeout(guard);
      resolve({ code, signal, output });
    }),
  );
  const said = (text) =>
    new Promise((resolve, reject) => {
      const look = () => output.includes(text) && resolve();
      listeners.add(look);
      look();
      ended.then(() => reject(new Error(`the scene ended without saying "${text}":\n${output}`)));
    });
  return { child, ended, said };
}
