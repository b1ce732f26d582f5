// Runs other programs, and ends a script with one clear line if its user made a mistake.

import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** An error that the user can correct. A script that ends with it prints only its message, without a stack trace. */
export class UserError extends Error {
  name = "UserError";
}

/** The user asked for `--help`. A script that ends with it prints its message, the usage text, and succeeds. */
export class UsageAsked extends Error {
  name = "UsageAsked";
}

/**
 * Runs a script's main function and turns its failure into exit code 1: one line for a `UserError`, the stack trace for anything else.
 *
 * @param {() => Promise<void>} main
 */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    if (error instanceof UsageAsked) return console.log(error.message);
    process.exitCode = 1;
    console.error(error instanceof UserError ? `error: ${error.message}` : error);
  }
}

/**
 * @param {string} name a program's name
 * @returns {string | undefined} its absolute path according to `PATH`
 */
export function findOnPath(name) {
  const suffixes = process.platform === "win32" ? ["", ".exe", ".cmd"] : [""];
  for (const folder of (process.env.PATH ?? "").split(path.delimiter)) {
    for (const suffix of suffixes) {
      const candidate = path.join(folder || ".", name + suffix);
      try {
        fs.accessSync(candidate, fs.constants.X_OK);
        if (fs.statSync(candidate).isFile()) return path.resolve(candidate);
      } catch {
        // The program is not in this folder: try the next one.
      }
    }
  }
  return undefined;
}

/**
 * Runs a program to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd] default the current folder
 * @param {Record<string, string>} [options.env] added to this process's environment
 * @param {boolean} [options.show] its output goes to this process's output; default false (it is captured)
 * @param {string} [options.input] text for its standard input; default none
 * @param {number} [options.timeoutMs] the time after which it is killed, in milliseconds; default never
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string, tail: string }>} `tail`: the first and
 *   last lines of what it printed, for error messages
 * @throws {Error} when it cannot be started
 */
export function run(command, args, { cwd, env, show = false, input, timeoutMs } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [input === undefined ? "ignore" : "pipe", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      // npm and npx are batch files on Windows, which only a shell can start.
      shell: process.platform === "win32" && /^np[mx]$/.test(command),
    });
    const output = { stdout: "", stderr: "", all: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name]?.setEncoding("utf8").on("data", (text) => {
        output[name] += text;
        output.all = (output.all + text).slice(-20_000);
      });
    }
    child.stdin?.on("error", () => {}).end(input);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const lines = output.all.trim().split("\n");
      // Some programs first report the error and then print pages of help.
      const tail = (lines.length > 20 ? [...lines.slice(0, 8), "…", ...lines.slice(-12)] : lines).join("\n");
      resolve({ code, signal, stdout: output.stdout, stderr: output.stderr, tail });
    });
  });
}

/**
 * Like `run`, but a failure is an error.
 *
 * @param {string} what the name of the step, for the message ("building the addon")
 * @throws {UserError} `<what> failed`, the command and what it printed, shortened, when its exit code is not 0
 */
export async function runOrFail(what, command, args, options = {}) {
  let result;
  try {
    result = await run(command, args, options);
  } catch (error) {
    throw new UserError(`${what} failed: ${command} cannot be started (${error.code ?? error.message})`);
  }
  if (result.code !== 0) {
    const how = result.signal ? `ended by ${result.signal}` : `exit code ${result.code}`;
    const shown = result.tail ? `\n${result.tail}` : "";
    throw new UserError(`${what} failed: ${command} ${args.join(" ")} (${how})${shown}`);
  }
  return result;
}

/**
 * Resolves when a process that was sent SIGSTOP has stopped. On a busy machine its threads run on for a while.
 *
 * @param {number} pid
 * @throws {Error} if it does not stop within five seconds
 */
export async function untilStopped(pid) {
  for (let look = 0; look < 500; look += 1) {
    if (statesOf(pid).every((state) => state === "T")) return;
    await sleep(10);
  }
  throw new Error(`process ${pid} does not stop`);
}

/** The state of each thread, by its letter. If the system does not tell it, the state of the process. */
function statesOf(pid) {
  const tasks = `/proc/${pid}/task`;
  if (!fs.existsSync(tasks))
    return [
      spawnSync("ps", ["-o", "state=", "-p", String(pid)], { encoding: "utf8" })
        .stdout.trim()
        .charAt(0),
    ];
  // The name of a program may contain parentheses.
  return fs.readdirSync(tasks).map((task) => /.*\) (.)/s.exec(textOf(`${tasks}/${task}/stat`))?.[1]);
}

/** The text of a file; empty if it is gone. */
function textOf(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
