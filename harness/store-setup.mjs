// Installs examples/store with the package under test, and starts its servers.

import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { installPacked } from "./install-packed.mjs";
import { CACHE, ROOT } from "./paths.mjs";
import { runOrFail } from "./process.mjs";
import { freePort } from "./redis-servers.mjs";
import { ensureNodeModules } from "./setup.mjs";
import { endWithUs } from "./watchdog.mjs";

const SOURCE = path.join(ROOT, "examples", "store");
/** Where the store is installed. */
export const STORE = path.join(CACHE, "store");
const BOOT_TIMEOUT_MS = 90_000;

/** The provider under test: ours from the packed tarballs, or the package that STORE_TEST_PROVIDER names. */
export const PROVIDER = process.env.STORE_TEST_PROVIDER || "medusa-locking-redis";

/** True if the provider under test is this project's provider. */
export const OURS = PROVIDER === "medusa-locking-redis";

/**
 * Copies the example store into the cache and installs its packages there: Medusa's packages only if they changed, our package if the
 * tarballs changed.
 *
 * @param {string} [more] a folder with more of a store's source
 * @param {{ tarballs?: string[] }} [options] tarballs of other packages
 * @throws {UserError} when npm or packing fails
 */
export async function installStore(more, { tarballs = [] } = {}) {
  await installStorePackages();
  if (more) fs.cpSync(more, path.join(STORE, "src"), { recursive: true });
  if (OURS) await installPacked({ target: STORE, ownManifest: true, more: tarballs });
}

/**
 * Installs the same without our package: the packages of a Medusa project.
 *
 * @throws {UserError} when npm fails
 */
export async function installStorePackages() {
  fs.mkdirSync(STORE, { recursive: true });
  // Files of an earlier version of the example would be loaded, too.
  fs.rmSync(path.join(STORE, "src"), { recursive: true, force: true });
  fs.cpSync(SOURCE, STORE, { recursive: true, filter: (file) => !/[\\/](node_modules|\.medusa)([\\/]|$)/.test(file.slice(SOURCE.length)) });
  await ensureNodeModules({ folder: STORE, ignoreScripts: true });
}

/**
 * @param {{ databaseUrl: string, redisUrl: string }} options
 * @returns {Record<string, string>} the environment of the store's commands
 */
export function storeEnvironment({ databaseUrl, redisUrl }) {
  return {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    LOCKING_PROVIDER: PROVIDER,
    // The official package does not support the name that Medusa's documentation shows.
    LOCK_PROVIDER_ID: OURS ? "lp_locking-redis" : "locking-redis",
    MEDUSA_DISABLE_TELEMETRY: "1",
    NODE_ENV: "development",
  };
}

/** Medusa's command line. */
export const CLI = path.join(STORE, "node_modules", "@medusajs", "cli", "cli.js");

/**
 * Runs `medusa db:migrate`, which also runs the store's migration scripts.
 *
 * @param {Record<string, string>} env
 * @throws {UserError} when it fails
 */
export async function migrateStore(env) {
  const options = { cwd: STORE, env, timeoutMs: 180_000 };
  await runOrFail("migrating the store's database", process.execPath, [CLI, "db:migrate"], options);
}

/** One server process of the store, started with the CLI's `start`. */
export class StoreServer {
  #child;
  #port;
  #output = "";
  #exit;

  /**
   * @param {Record<string, string>} env
   * @returns {Promise<StoreServer>} once its /health answers
   * @throws {Error} with its output when it ends or is not ready within 90 seconds
   */
  static async start(env) {
    const server = new StoreServer();
    server.#port = await freePort();
    const args = [CLI, "start", "-p", String(server.#port), "-H", "127.0.0.1"];
    const child = spawn(process.execPath, args, { cwd: STORE, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    server.#child = child;
    const dismiss = endWithUs({ pid: child.pid });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        server.#output = (server.#output + text).slice(-200_000);
      });
    }
    server.#exit = new Promise((resolve) => {
      child.on("exit", (code, signal) => {
        dismiss();
        resolve({ code, signal });
      });
    });
    await server.#ready();
    return server;
  }

  /** The output so far. */
  get output() {
    return this.#output;
  }

  /** The address on which it listens: `http://127.0.0.1:9000`. */
  get origin() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Process id. */
  get pid() {
    return this.#child.pid;
  }

  /**
   * @param {string} route for example `/lock/execute`
   * @param {object} body sent as JSON
   * @returns {Promise<{ status: number, body: any }>}
   */
  async post(route, body) {
    const response = await fetch(`http://127.0.0.1:${this.#port}${route}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  }

  /**
   * Sends a signal and waits for the end.
   *
   * @param {NodeJS.Signals} signal
   * @param {number} limitMs the time after which it is killed, in milliseconds
   * @returns {Promise<{ code: number | null, signal: string | null, elapsedMs: number }>}
   */
  async end(signal, limitMs) {
    const started = performance.now();
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), limitMs);
    const how = await this.#exit;
    clearTimeout(timer);
    return { ...how, elapsedMs: performance.now() - started };
  }

  async #ready() {
    let ended;
    this.#exit.then((how) => {
      ended = how;
    });
    const deadline = Date.now() + BOOT_TIMEOUT_MS;
    for (;;) {
      if (ended) throw new Error(`the store ended while booting (${JSON.stringify(ended)}):\n${this.#output}`);
      const response = await fetch(`http://127.0.0.1:${this.#port}/health`).catch(() => undefined);
      if (response?.ok) return;
      if (Date.now() > deadline) {
        await this.end("SIGKILL", 0);
        throw new Error(`the store was not ready within ${BOOT_TIMEOUT_MS} ms:\n${this.#output}`);
      }
      await sleep(100);
    }
  }
}
