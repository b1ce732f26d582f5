// The contestants' processes, as the parent uses them.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { UserError } from "../../harness/process.mjs";

const CHILD = fileURLToPath(new URL("child.mjs", import.meta.url));

/**
 * Starts a contestant and waits until it is connected.
 *
 * @param {string} name
 * @param {string} url of Redis
 * @param {Record<string, string>} [env] added to this process's environment
 * @param {object} [options] the providers' other options
 * @returns {Promise<{ version: string, run(task: string, params: object, options?: object): Promise<object>, signal(name: string): void,
 *   exited: Promise<unknown>, send(message: object): void, stop(): void }>}
 */
export async function startContestant(name, url, env = {}, options = {}) {
  const child = fork(CHILD, [name, url, JSON.stringify(options)], {
    execArgv: ["--expose-gc"],
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let waiting;
  let noted;
  const settle = (kind, value) => {
    const ends = waiting;
    waiting = undefined;
    ends?.[kind](value);
  };
  child.on("message", (message) => {
    if (message.note) noted?.(message.note);
    else if (message.failed) settle("reject", new UserError(message.failed));
    else settle("resolve", message.result ?? message.ready);
  });
  child.on("exit", (code, signal) => settle("reject", new UserError(`the process of ${name} ended (${signal ?? `exit code ${code}`})`)));

  const answer = (timeoutMs, what) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => settle("reject", new UserError(`${name}, ${what}: no result within ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      const end = (settled) => (value) => {
        clearTimeout(timer);
        settled(value);
      };
      waiting = { resolve: end(resolve), reject: end(reject) };
    });

  const stop = () => child.kill("SIGKILL");
  let version;
  try {
    ({ version } = await answer(60_000, "start"));
  } catch (error) {
    stop();
    throw error;
  }
  const run = (task, params, { timeoutMs = 120_000, onNote } = {}) => {
    noted = onNote;
    const result = answer(timeoutMs, task);
    // If the caller reads the result later, or never because something else failed, a rejection must not end this process.
    result.catch(() => {});
    child.send({ task, params });
    return result;
  };
  const exited = new Promise((resolve) => child.once("exit", resolve));
  return { version, run, stop, send: (message) => child.send(message), signal: (name) => child.kill(name), exited };
}
