// The processes of one phase, each with its own way to the server, and their records.

import { fork } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startFaultProxy } from "../fault-proxy.mjs";

const WORKER = fileURLToPath(new URL("worker.mjs", import.meta.url));
/** A call may take a minute (see worker.mjs). A process that does not end within this time is stuck. */
const END_MS = 90_000;

/** Starts, faults and ends the workers of a phase. */
export class Fleet {
  #places;
  #file;
  #settings;
  #random;
  #rewrite;
  #connection;
  #options;
  #gone = { calls: 0, holds: 0 };
  #ending = false;
  /** Processes that ended with an error, or did not end in time. */
  failures = [];

  /**
   * @param {object} options
   * @param {string} options.folder the folder for the records
   * @param {number} [options.port] the port of the server
   * @param {object} [options.connection] the provider's options if there are several servers, which are reached without a proxy
   * @param {object} [options.options] more of the provider's options
   * @param {string[]} options.resolves the provider of each process
   * @param {object} options.settings the settings for worker.mjs
   * @param {ReturnType<typeof import("./random.mjs").randomOf>} options.random
   * @param {(command: Buffer) => Buffer} [options.rewrite] changes each command on its way
   */
  constructor({ folder, port, resolves, settings, random, rewrite, connection, options }) {
    this.#file = path.join(folder, "records.jsonl");
    this.#settings = settings;
    this.#random = random;
    this.#rewrite = rewrite;
    this.#connection = connection;
    this.#options = options;
    this.port = port;
    this.#places = resolves.map((resolve, number) => ({ resolve, number }));
  }

  /** Starts all processes. Resolves when all are ready to take locks. */
  async start() {
    for (const place of this.#connection ? [] : this.#places) {
      place.proxy = await startFaultProxy({ targetPort: this.port });
      if (this.#rewrite) place.proxy.rewriteCommands(this.#rewrite);
    }
    await Promise.all(this.#places.map((place) => this.#startAt(place)));
  }

  /** A random process that has not been stopped. */
  pick() {
    return this.#random.of(this.#places.filter((place) => place.child && !place.stopped));
  }

  /** @returns {number} the number of holds so far */
  get holds() {
    return this.total("holds");
  }

  /** @param {string} what the name of one of worker.mjs' counts */
  total(what) {
    return this.#places.reduce((sum, place) => sum + (place.counts?.[what] ?? 0), this.#gone[what] ?? 0);
  }

  /** From now on, sends every connection to another server, and cuts the present connections. */
  retarget(port) {
    this.port = port;
    for (const { proxy } of this.#places) {
      proxy.retarget(port);
      proxy.cutAll({ reset: true });
    }
  }

  /** Kills a process with SIGKILL and starts another one in its place. */
  async replace(place) {
    const gone = once(place.child, "exit");
    place.replaced = true;
    place.child.kill("SIGKILL");
    await gone;
    for (const [what, number] of Object.entries(place.counts ?? {})) this.#gone[what] = (this.#gone[what] ?? 0) + number;
    // A fault that was armed for the scripts of the old process must not hit the handshake of the new one.
    place.proxy?.clearFaults();
    if (!this.#ending) await this.#startAt(place);
  }

  /** Stops a process for a while by SIGSTOP, as if its machine were suspended. */
  async stop(place, ms, sleep) {
    place.stopped = true;
    place.child.kill("SIGSTOP");
    await sleep(ms);
    place.child.kill("SIGCONT");
    place.stopped = false;
  }

  /** Lets all calls end. Resolves when all processes have ended. A process that does not end in time is killed. */
  async end() {
    this.#ending = true;
    const running = this.#places.filter((place) => place.child);
    for (const { proxy } of running) {
      proxy?.clearFaults();
      proxy?.delayReplies(0);
      proxy?.resumeReplies();
    }
    await Promise.all(
      running.map(async (place) => {
        if (place.child.exitCode !== null) return;
        const gone = once(place.child, "exit");
        place.child.send("stop");
        const guard = setTimeout(() => {
          this.failures.push(`process ${place.child.pid} did not come to its end within ${END_MS} ms`);
          place.child.kill("SIGKILL");
        }, END_MS);
        await gone;
        clearTimeout(guard);
      }),
    );
    for (const { proxy } of this.#places) await proxy?.stop();
  }

  /** @returns {string[]} the records of all processes */
  lines() {
    return fs.existsSync(this.#file) ? fs.readFileSync(this.#file, "utf8").split("\n").filter(Boolean) : [];
  }

  async #startAt(place) {
    const settings = {
      ...this.#settings,
      file: this.#file,
      seed: this.#random.below(2 ** 31),
      connection: { ...(this.#connection ?? { redisUrl: `redis://127.0.0.1:${place.proxy.port}` }), ...this.#options },
      resolve: place.resolve,
      place: place.number,
    };
    const child = fork(WORKER, [JSON.stringify(settings)]);
    place.replaced = false;
    place.counts = undefined;
    child.on("message", (message) => {
      if (typeof message === "object") place.counts = message;
    });
    child.on("exit", (code) => {
      if (code !== 0 && !place.replaced) this.failures.push(`process ${child.pid} ended with ${code}`);
    });
    await Promise.race([once(child, "message"), once(child, "exit")]);
    place.child = child;
  }
}
