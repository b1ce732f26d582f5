// Helpers for the tests of the command line. They run the installed command to its end, or talk with it while it runs.

import assert from "node:assert/strict";
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { after, afterEach } from "node:test";
import { INSTALLED, requireInstalled } from "../../harness/installed.mjs";
import { ROOT } from "../../harness/paths.mjs";
import { until } from "../support/testbed.mjs";

/** The file that `npx medusa-locking-redis` runs. */
export const COMMAND = path.join(path.dirname(requireInstalled.resolve("medusa-locking-redis/package.json")), "provider/dist/cli/main.js");

/** The tests' own environment variables about Redis must not count. */
const CLEAN = { LOCKING_REDIS_URL: undefined, REDIS_URL: undefined, NO_COLOR: undefined };

/**
 * Runs the command to its end.
 *
 * @param {string[]} args
 * @param {object} [options]
 * @param {Record<string, string | undefined>} [options.env] added to the environment
 * @param {string} [options.cwd] default the folder with the installed packages
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string }>}
 */
export async function cli(args, options = {}) {
  const running = start(args, options);
  const [code, signal] = await running.closed;
  return { code, signal, stdout: running.stdout, stderr: running.stderr };
}

/**
 * Runs the command with `--json` to its end.
 *
 * @returns {Promise<{ code: number, json: any }>} the output
 */
export async function cliJson(args, options = {}) {
  const { code, stdout, stderr } = await cli([...args, "--json"], options);
  assert.equal(stderr, "");
  return { code, json: JSON.parse(stdout) };
}

const running = new Set();

/** Starts the command. It is killed after the test if it still runs. */
export function start(args, { env = {}, cwd = INSTALLED } = {}) {
  const command = new RunningCommand(args, { env, cwd });
  running.add(command.child);
  command.closed.then(() => running.delete(command.child));
  return command;
}

/** Kills the processes that a failed test left. */
function killLeft() {
  for (const child of running) child.kill("SIGKILL");
}

afterEach(killLeft);
after(killLeft);

class RunningCommand {
  stdout = "";
  stderr = "";

  constructor(args, { env, cwd }) {
    this.child = spawn(process.execPath, [COMMAND, ...args], {
      cwd,
      env: { ...process.env, ...CLEAN, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const name of ["stdout", "stderr"]) {
      this.child[name].setEncoding("utf8").on("data", (text) => {
        this[name] += text;
      });
    }
    /** Resolves with code and signal once the command has ended and all its output is read. */
    this.closed = once(this.child, "close");
    /** Resolves with code and signal once the command has ended. Its children may still hold its output. */
    this.exited = once(this.child, "exit");
  }

  kill(signal) {
    this.child.kill(signal);
  }

  /** Waits until the output matches, and returns the match. */
  prints(pattern) {
    return until(`the command prints ${pattern}: ${this.stderr}`, () => pattern.exec(this.stdout));
  }
}

/** Asserts one line on stderr, no stack trace, and nothing on stdout. */
export function complainedOnce({ stdout, stderr }, message) {
  assert.match(stderr, /^medusa-locking-redis: [^\n]+\n$/);
  assert.doesNotMatch(stderr, /\n\s+at /);
  assert.equal(stdout, "");
  assert.match(stderr, message);
}

/** Whether a process with this id runs. */
export function lives(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Loads a module of the installed package, by its place in `provider/dist`. */
export function compiled(name) {
  return requireInstalled(path.join(path.dirname(COMMAND), "..", name));
}

/**
 * Runs the doctor.
 *
 * @param {string[]} args
 * @param {object} [options] as for `cli`
 * @returns {Promise<{ code: number, findings: object[], ids: string[], find(id: string): object }>} `ids` are the sorted ids of the findings
 *   that are not `ok`; `find` fails if there is no such finding
 */
export async function doctor(args, options) {
  const { code, json } = await cliJson(["doctor", ...args], options);
  const { findings } = json;
  const ids = findings.filter(({ level }) => level !== "ok").map(({ id }) => id);
  const find = (id) => {
    const found = findings.find((finding) => finding.id === id);
    assert.ok(found, `no finding ${id} among ${JSON.stringify(findings, null, 2)}`);
    return found;
  };
  return { code, findings, ids: ids.sort(), find };
}

/**
 * Starts a shop's process on the testbed's server (instance.mjs). The process is killed after the test.
 *
 * @param {object} bed the testbed
 * @param {object} [options] the provider's options; `resolve` names another provider
 */
export async function startInstance(bed, options = {}) {
  const file = path.join(ROOT, "__test__", "cli", "instance.mjs");
  const child = fork(file, [JSON.stringify({ redisUrl: bed.url, ...options })], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  running.add(child);
  const instance = new Instance(child);
  await instance.says("ready");
  return instance;
}

class Instance {
  #said = [];

  constructor(child) {
    this.child = child;
    this.pid = child.pid;
    child.on("message", (message) => this.#said.push(message));
  }

  /** Gives an order, and waits for the message that the order was carried out. */
  async tell(what, more, answer) {
    this.child.send({ do: what, ...more });
    return await this.says(answer);
  }

  /** Waits for a message with this field, and removes it from the list. */
  async says(field) {
    const at = await until(`pid ${this.pid} says ${field}`, () => {
      const found = this.#said.findIndex((message) => field in message);
      return found === -1 ? undefined : [found];
    });
    return this.#said.splice(at[0], 1)[0];
  }

  hold(key, more) {
    return this.tell("hold", { key, ...more }, "held");
  }

  /** Resolves once the instance has made the call. Its place in the queue may come later. */
  wait(key) {
    return this.tell("wait", { key }, "waits");
  }

  acquire(key, more) {
    return this.tell("acquire", { key, ...more }, "acquired");
  }

  block(ms) {
    return this.tell("block", { ms }, "blocks");
  }

  async kill() {
    const gone = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await gone;
  }
}
