// A master with replicas and the Sentinels that watch them, all private and on loopback ports, for the tests and the benchmark.

import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "./process.mjs";
import { freePort, startServer } from "./redis-servers.mjs";
import { connect } from "./resp-client.mjs";
import { ensureServerBinary } from "./server-binaries.mjs";
import { endWithUs } from "./watchdog.mjs";

/** The Sentinels' name for the master. */
export const MASTER_NAME = "mymaster";

const LIMIT_MS = 30_000;

/** Settings of the Sentinels: the silence after which a server counts as down, and the longest time of one failover. */
const DOWN_AFTER_MS = 1_000;
const FAILOVER_LIMIT_MS = 2_000;

/**
 * Starts a master, two replicas and three Sentinels of which two must agree.
 *
 * @param {object} [options]
 * @param {string} [options.version] as for `startServer`
 * @param {string} [options.password] the password that the Sentinels ask their clients for; default none
 * @param {(port: number) => string[]} [options.tlsArgs] arguments for a server that speaks TLS on this port, beside plain text: for the
 *   Sentinels, see `tlsAddresses`, and the first master, see `masterTlsPort`. All are of the system's version then, which speaks TLS
 * @returns {Promise<Group>} once all servers and Sentinels know one another
 */
export async function startSentinels(options = {}) {
  const group = new Group(options);
  try {
    await group.start();
    return group;
  } catch (error) {
    await group.stop();
    throw error;
  }
}

class Group {
  #options;
  #servers = [];
  #sentinels = [];

  constructor(options) {
    this.#options = options;
  }

  /** The addresses for `redisOptions.sentinels`. */
  get addresses() {
    return this.#sentinels.map(({ port }) => ({ host: "127.0.0.1", port }));
  }

  /** The same addresses, with TLS. */
  get tlsAddresses() {
    return this.#sentinels.map(({ tlsPort }) => ({ host: "127.0.0.1", port: tlsPort }));
  }

  /** The value for `redisOptions`. */
  get options() {
    return { sentinels: this.addresses, name: MASTER_NAME };
  }

  /** All servers with data, also dead ones. */
  get servers() {
    return [...this.#servers];
  }

  /** The TLS port of the first master. */
  masterTlsPort;

  /** Used by `startSentinels`. */
  async start() {
    const { tlsArgs } = this.#options;
    const version = tlsArgs ? undefined : this.#options.version;
    if (tlsArgs) this.masterTlsPort = await freePort();
    const args = ["--repl-diskless-sync-delay", "0"];
    const master = await startServer({ version, args: [...args, ...(tlsArgs ? tlsArgs(this.masterTlsPort) : [])] });
    this.#servers.push(master);
    const replicaOf = ["--replicaof", "127.0.0.1", String(master.port)];
    const replica = async () => this.#servers.push(await startServer({ version, args: [...args, ...replicaOf] }));
    await Promise.all([replica(), replica()]);
    await within("the replicas follow their master", async () => {
      const info = await master.cli("INFO", "replication");
      return [...info.matchAll(/^slave\d+:.*state=online/gm)].length === 2;
    });
    for (let at = 0; at < 3; at += 1) {
      const sentinel = new Sentinel(await ensureServerBinary(version ?? "7.0"), this.#options);
      this.#sentinels.push(sentinel);
      await sentinel.start(master.port);
    }
    await within("the Sentinels know everybody", async () => {
      const views = await Promise.all(this.#sentinels.map((sentinel) => sentinel.view()));
      return views.every((view) => view["num-slaves"] === "2" && view["num-other-sentinels"] === "2");
    });
  }

  /** @returns {Promise<object>} the server that the living Sentinels name as the master */
  async master() {
    const [port] = await this.#masterPorts();
    return this.#servers.find((server) => server.port === port);
  }

  /**
   * Has the Sentinels make another server the master.
   *
   * @returns {Promise<object>} the old master, once all Sentinels agree; then it still believes that it is the master, see `demoted`
   */
  async failOver() {
    const old = await this.master();
    const [sentinel] = this.#living();
    await within("a Sentinel takes on the failover", () => sentinel.command("SENTINEL", "FAILOVER", MASTER_NAME).catch(() => false));
    await this.movedFrom(old);
    return old;
  }

  /** Resolves once a former master follows another server. This takes about 10 s, because the Sentinels wait so long. */
  async demoted(server) {
    await within("the old master follows the new one", async () => {
      // The Sentinel that demotes a server closes the connections of its clients, also of this one.
      const told = await server.cli("INFO", "replication").catch(() => "");
      return /^role:slave[\s\S]*master_link_status:up/m.test(told);
    });
  }

  /** Kills the master. @returns {Promise<object>} the former master, at once */
  async killMaster() {
    const master = await this.master();
    await master.kill();
    return master;
  }

  /** Resolves once all living Sentinels name the same master, and this master is not `server`. */
  async movedFrom(server) {
    await within("the Sentinels agree on another master", async () => {
      const ports = new Set(await this.#masterPorts());
      return ports.size === 1 && !ports.has(server.port);
    });
  }

  /** Kills one of the Sentinels. */
  async killSentinel(at = 0) {
    await this.#sentinels[at].kill();
  }

  /** The number of clients with a subscription, at all living Sentinels together. */
  async listeners() {
    const lists = await Promise.all(this.#living().map((sentinel) => sentinel.command("CLIENT", "LIST")));
    return lists.join("").match(/ sub=[1-9]/g)?.length ?? 0;
  }

  /** Ends everything. May be called twice. */
  async stop() {
    for (const sentinel of this.#sentinels.splice(0)) await sentinel.stop();
    for (const server of this.#servers.splice(0)) await server.stop();
  }

  #living() {
    return this.#sentinels.filter((sentinel) => sentinel.isAlive());
  }

  async #masterPorts() {
    const replies = await Promise.all(this.#living().map((one) => one.command("SENTINEL", "get-master-addr-by-name", MASTER_NAME)));
    return replies.map(([, port]) => Number(port));
  }
}

class Sentinel {
  #binary;
  #options;
  #child;
  #client;
  #folder;
  #dismiss = () => {};
  port;
  tlsPort;

  constructor(binary, options) {
    this.#binary = binary;
    this.#options = options;
  }

  async start(masterPort) {
    const { password, tlsArgs } = this.#options;
    this.#folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-sentinel-"));
    this.port = await freePort();
    const file = path.join(this.#folder, "sentinel.conf");
    // Sentinels write their state into this file.
    const lines = [
      `port ${this.port}`,
      "bind 127.0.0.1",
      `dir ${this.#folder}`,
      `logfile ${path.join(this.#folder, "sentinel.log")}`,
      `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 2`,
      `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${MASTER_NAME} ${FAILOVER_LIMIT_MS}`,
      `sentinel parallel-syncs ${MASTER_NAME} 2`,
      ...(password ? [`requirepass ${password}`] : []),
    ];
    fs.writeFileSync(file, `${lines.join("\n")}\n`);
    if (tlsArgs) this.tlsPort = await freePort();
    const args = [file, "--sentinel", ...(tlsArgs ? tlsArgs(this.tlsPort) : [])];
    this.#child = spawn(this.#binary, args, { stdio: "ignore", detached: process.platform !== "win32" });
    this.#child.on("error", () => {});
    this.#child.unref();
    if (this.#child.pid) this.#dismiss = endWithUs({ pid: this.#child.pid, folder: this.#folder });
    this.#client = await within("a Sentinel answers", () => connect({ port: this.port, password }).catch(() => false));
  }

  isAlive() {
    return Boolean(this.#child?.pid) && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  command(...args) {
    return this.#client.command(...args);
  }

  /** The Sentinel's facts about the master, as an object. */
  async view() {
    const fields = await this.command("SENTINEL", "MASTER", MASTER_NAME);
    return Object.fromEntries(fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1]]] : [])));
  }

  async kill() {
    this.#client?.close();
    if (!this.isAlive()) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    this.#child.ref();
    await gone;
  }

  async stop() {
    await this.kill();
    this.#dismiss();
    if (this.#folder) fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function within(what, condition) {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new UserError(`waited ${LIMIT_MS} ms in vain until ${what}`);
    await sleep(20);
  }
}
