// Private Redis servers on loopback ports: for `npm start`, the benchmark and the tests.

import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError, untilStopped } from "./process.mjs";
import { connect, RespError } from "./resp-client.mjs";
import { ensureServerBinary } from "./server-binaries.mjs";
import { askBridge, BRIDGE } from "./server-bridge.mjs";
import { endWithUs } from "./watchdog.mjs";

const START_TIMEOUT_MS = 10_000;

/**
 * These ports are below the ports that systems use for outgoing connections. The bus of a cluster's node uses the port 10,000 above the node's own
 * port. That port is outside of this range.
 */
const PORTS = [10_240, 20_000];
const MOST_TRIES = 100;

/** @returns {Promise<number>} a TCP port that was free on 127.0.0.1 a moment ago */
export async function freePort() {
  for (let attempt = 1; ; attempt += 1) {
    const server = net.createServer().listen(randomInt(...PORTS), "127.0.0.1");
    try {
      await once(server, "listening");
    } catch (error) {
      if (attempt === MOST_TRIES) throw error;
      continue;
    }
    const { port } = server.address();
    server.close();
    await once(server, "close");
    return port;
  }
}

/**
 * Starts a private server with its own folder. It saves nothing to disk, and it is killed when this process ends in any way. It does not
 * keep this process alive.
 *
 * @param {object} [options]
 * @param {"7.0" | "6.2" | "8.2" | "valkey-8.1"} [options.version] as for `ensureServerBinary`; default "7.0"
 * @param {string[]} [options.args] more arguments for the server, such as `["--requirepass", "x"]`
 * @param {number} [options.port] default a free one
 * @returns {Promise<PrivateServer>} once it answers PING
 * @throws {UserError} when the port is in use or the server does not come up
 */
export async function startServer({ version = "7.0", args = [], port } = {}) {
  if (BRIDGE) {
    const started = await askBridge({ order: "start", options: { version, args, port } });
    return new BridgedServer(args, started.port);
  }
  const binary = await ensureServerBinary(version);
  for (let attempt = 1; ; attempt += 1) {
    const server = new PrivateServer(binary, args, port ?? (await freePort()));
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      // Another process may take a free port before the server binds it.
      if (port !== undefined || !error.portInUse || attempt === 5) throw error;
    }
  }
}

/** The address of a server. */
class Reachable {
  #password;

  /** @type {number} TCP port on 127.0.0.1; the same after `restart()` */
  port;

  constructor(args, port) {
    this.port = port;
    const at = args.indexOf("--requirepass");
    this.#password = at === -1 ? undefined : args[at + 1];
  }

  /** `redis://127.0.0.1:<port>`, with the password of `--requirepass` if there is one. */
  get url() {
    const login = this.#password ? `:${encodeURIComponent(this.#password)}@` : "";
    return `redis://${login}127.0.0.1:${this.port}`;
  }

  /**
   * Sends one command over a new connection.
   *
   * @param {...(string | number | Buffer)} args for example `"PTTL", "key"`
   * @returns {Promise<any>} the reply, as `RespClient.command` gives it
   */
  async cli(...args) {
    const client = await connect({ port: this.port, password: this.#password });
    try {
      return await client.command(...args);
    } finally {
      client.close();
    }
  }
}

/** A server that the bridge started for this process. */
class BridgedServer extends Reachable {
  kill(signal) {
    return askBridge({ order: "kill", port: this.port, signal });
  }

  restart() {
    return askBridge({ order: "restart", port: this.port });
  }

  stop() {
    return askBridge({ order: "stop", port: this.port });
  }
}

class PrivateServer extends Reachable {
  #binary;
  #args;
  #child;
  #dismiss = () => {};
  #folder;

  constructor(binary, args, port) {
    super(args, port);
    this.#binary = binary;
    this.#args = args;
  }

  /** Process id of the server, or undefined while it is not running. */
  get pid() {
    return this.#running() ? this.#child.pid : undefined;
  }

  /** Starts the process; used by `startServer` and `restart`. */
  async start() {
    this.#folder ??= fs.mkdtempSync(path.join(os.tmpdir(), "mlr-redis-"));
    const log = path.join(this.#folder, "server.log");
    fs.rmSync(log, { force: true });
    // This file gets the output that comes before the server has read its configuration, for example about a wrong option or a missing
    // library.
    const early = fs.openSync(path.join(this.#folder, "early.log"), "w");
    const fixed = ["--bind", "127.0.0.1", "--port", String(this.port), "--dir", this.#folder, "--logfile", log];
    // The server is detached, because Ctrl-C in a terminal must reach only our process, which may still have to clean up in Redis.
    this.#child = spawn(this.#binary, [...fixed, "--save", "", "--appendonly", "no", ...this.#args], {
      stdio: ["ignore", early, early],
      detached: process.platform !== "win32",
    });
    fs.closeSync(early);
    let spawnError;
    this.#child.on("error", (error) => {
      spawnError = error;
    });
    this.#child.unref();
    if (this.#child.pid) this.#dismiss = endWithUs({ pid: this.#child.pid, folder: this.#folder });
    await this.#answersPing(log, () => spawnError);
  }

  /**
   * Sends a signal to the server.
   *
   * @param {NodeJS.Signals} [signal] default `SIGKILL`; `SIGSTOP` and `SIGCONT` make a hung server and wake it up
   * @returns {Promise<void>} once it is gone, or has stopped; at once for SIGCONT
   */
  async kill(signal = "SIGKILL") {
    if (!this.#running()) return;
    if (signal === "SIGSTOP" || signal === "SIGCONT") {
      this.#child.kill(signal);
      if (signal === "SIGSTOP") await untilStopped(this.#child.pid);
      return;
    }
    const gone = once(this.#child, "exit");
    this.#child.kill(signal);
    this.#child.ref();
    await gone;
  }

  /** Ends the server if it runs, and starts it again, empty, on the same port. */
  async restart() {
    await this.kill();
    this.#dismiss();
    await this.start();
  }

  /** Ends the server and removes its folder. May be called twice. */
  async stop() {
    await this.kill();
    this.#dismiss();
    if (this.#folder) fs.rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
  }

  #running() {
    return Boolean(this.#child?.pid) && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async #answersPing(log, spawnError) {
    const deadline = Date.now() + START_TIMEOUT_MS;
    const printed = (file) => (fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim() : "");
    for (;;) {
      if (!this.#running()) {
        if (/address already in use/i.test(printed(log))) throw portInUse(this.port);
        const text = printed(log) || printed(path.join(this.#folder, "early.log")) || spawnError()?.message;
        throw new UserError(`${this.#binary} ended right after its start: ${text?.split("\n").at(-1) ?? "it printed nothing"}`);
      }
      try {
        // Another server may listen on that port, so only the process id of our server counts.
        const info = await this.cli("INFO", "server");
        if (info.includes(`process_id:${this.#child.pid}\r`)) return;
      } catch (error) {
        // An ACL in the arguments may refuse INFO. Then the server's log shows whether it is ready.
        if (error instanceof RespError && /ready to accept connections/i.test(printed(log))) return;
      }
      if (Date.now() > deadline) throw new UserError(`${this.#binary} did not answer PING within ${START_TIMEOUT_MS} ms`);
      await sleep(20);
    }
  }
}

function portInUse(port) {
  return Object.assign(new UserError(`port ${port} is in use`), { portInUse: true });
}

/**
 * Parses a Redis URL.
 *
 * @param {string} text for example `redis://user:password@host:6379/0`
 * @returns {{ host: string, port: number, username?: string, password?: string, db: number }}
 * @throws {UserError} when the text is no Redis URL; the message never contains the password
 */
export function parseRedisUrl(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new UserError("the Redis URL is not a URL: expected something like redis://127.0.0.1:6379");
  }
  if (url.protocol !== "redis:") {
    throw new UserError(`the Redis URL starts with "${url.protocol}//": only redis:// is supported`);
  }
  const db = url.pathname.replace(/^\//, "");
  if (!/^\d*$/.test(db)) throw new UserError(`the Redis URL's database must be a number, not "${db}"`);
  const decoded = (part) => {
    try {
      return part === "" ? undefined : decodeURIComponent(part);
    } catch {
      throw new UserError("the Redis URL's user or password is not percent-encoded correctly");
    }
  };
  return {
    host: url.hostname.replace(/^\[|\]$/g, "") || "127.0.0.1",
    port: Number(url.port || 6379),
    username: decoded(url.username),
    password: decoded(url.password),
    db: Number(db || 0),
  };
}

/**
 * The Redis for `npm start` and the benchmark: `LOCKING_REDIS_URL` names it, else it is a private server.
 *
 * @param {object} [options]
 * @param {number} [options.port] port of the private server; default a free one
 * @returns {Promise<{ url: string, label: string, private: boolean, stop(): Promise<void> }>} `label`: the address without login, for
 *   messages; `stop` ends a private server and leaves any other alone
 * @throws {UserError} when the URL is wrong, nobody answers there, or no server is available
 */
export async function ensureRedis({ port } = {}) {
  const url = process.env.LOCKING_REDIS_URL;
  if (!url) {
    const server = await startServer({ port });
    return { url: server.url, label: `127.0.0.1:${server.port}`, private: true, stop: () => server.stop() };
  }
  let target;
  try {
    target = parseRedisUrl(url);
  } catch (error) {
    throw new UserError(`LOCKING_REDIS_URL: ${error.message}`);
  }
  const label = `${target.host}:${target.port}`;
  try {
    (await connect(target)).close();
  } catch (error) {
    throw new UserError(`LOCKING_REDIS_URL: no Redis answers at ${label} (${error.message})`);
  }
  return { url, label, private: false, stop: async () => {} };
}
