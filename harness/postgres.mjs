// A private Postgres for the store test.

import { randomBytes } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { findOnPath, run, runOrFail, UserError } from "./process.mjs";
import { freePort } from "./redis-servers.mjs";
import { installAdvice, installSystemPackage } from "./system-packages.mjs";
import { endWithUs } from "./watchdog.mjs";

const SYSTEM_PACKAGES = { "apt-get": "postgresql", dnf: "postgresql-server", apk: "postgresql", pacman: "postgresql", brew: "postgresql" };

function findBinaries() {
  const roots = ["/usr/lib/postgresql", "/usr/libexec/postgresql", "/opt/homebrew/opt/postgresql"];
  const versions = roots.flatMap((root) => (fs.existsSync(root) ? fs.readdirSync(root).map((name) => path.join(root, name, "bin")) : []));
  const onPath = findOnPath("initdb");
  const folders = [...(onPath ? [path.dirname(onPath)] : []), ...versions.sort().reverse()];
  return folders.find((folder) => ["initdb", "pg_ctl", "psql"].every((name) => fs.existsSync(path.join(folder, name))));
}

/**
 * Starts a private Postgres cluster in a temporary folder, on a free port of 127.0.0.1, with a random password. It does not sync to disk,
 * and it is killed when this process ends in any way. If this process is root, Postgres runs as the user `postgres`, because Postgres
 * refuses to run as root.
 *
 * @param {object} [options]
 * @param {string} [options.database] name of the database to create; default `store`
 * @returns {Promise<PrivatePostgres>}
 * @throws {UserError} when Postgres is not available here; then `unavailable` is true on the error
 */
export async function startPostgres({ database = "store" } = {}) {
  let bin = findBinaries();
  if (!bin) {
    await installSystemPackage(SYSTEM_PACKAGES).catch((error) => {
      throw unavailable(error.message.split("\n")[0]);
    });
    bin = findBinaries();
  }
  if (!bin) throw unavailable(`no Postgres found. Type: ${installAdvice(SYSTEM_PACKAGES)}`);
  const asRoot = process.getuid?.() === 0;
  if (asRoot && ((await run("id", ["postgres"])).code !== 0 || !findOnPath("runuser"))) {
    throw unavailable("running as root, and there is no user postgres (or no runuser) to run Postgres as");
  }
  const server = new PrivatePostgres(bin, asRoot, database, await freePort());
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

function unavailable(reason) {
  return Object.assign(new UserError(reason), { unavailable: true });
}

class PrivatePostgres {
  #bin;
  #asRoot;
  #database;
  #port;
  #folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-postgres-"));
  #password = randomBytes(16).toString("hex");
  #dismiss = () => {};

  constructor(bin, asRoot, database, port) {
    this.#bin = bin;
    this.#asRoot = asRoot;
    this.#database = database;
    this.#port = port;
  }

  /** The address with the password. It is for the environment of a program, not for messages. */
  get url() {
    return `postgres://postgres:${this.#password}@127.0.0.1:${this.#port}/${this.#database}`;
  }

  /** Makes the cluster and starts it; used by `startPostgres`. */
  async start() {
    if (this.#asRoot) await runOrFail("preparing Postgres", "chown", ["postgres", this.#folder]);
    const passwordFile = path.join(this.#folder, "password");
    fs.writeFileSync(passwordFile, this.#password, { mode: 0o600 });
    if (this.#asRoot) await runOrFail("preparing Postgres", "chown", ["postgres", passwordFile]);
    const data = path.join(this.#folder, "data");
    const login = ["-U", "postgres", "-A", "scram-sha-256", `--pwfile=${passwordFile}`];
    await this.#program("initdb", ["-D", data, "-E", "UTF8", "--no-sync", ...login]);
    fs.rmSync(passwordFile);
    const settings = ["-p", this.#port, "-c", "listen_addresses=127.0.0.1", "-k", this.#folder, "-c", "fsync=off"];
    const log = path.join(this.#folder, "server.log");
    await this.#program("pg_ctl", ["-D", data, "-l", log, "-w", "-t", "30", "-o", settings.join(" "), "start"]);
    const pid = Number(fs.readFileSync(path.join(data, "postmaster.pid"), "utf8").split("\n")[0]);
    this.#dismiss = endWithUs({ pid, signal: "QUIT", folder: this.#folder });
    await this.query(`create database "${this.#database}"`, { database: "postgres" });
  }

  /**
   * Runs SQL.
   *
   * @param {string} sql
   * @param {{ database?: string }} [options] default the database that was created at the start
   * @returns {Promise<string[][]>} the rows, their fields as text
   * @throws {UserError} with what psql printed
   */
  async query(sql, { database = this.#database } = {}) {
    const where = ["-h", "127.0.0.1", "-p", String(this.#port), "-U", "postgres", "-d", database];
    const options = { env: { PGPASSWORD: this.#password } };
    const args = [...where, "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", sql];
    const { stdout } = await runOrFail("a query", path.join(this.#bin, "psql"), args, options);
    return stdout.trim() === ""
      ? []
      : stdout
          .trimEnd()
          .split("\n")
          .map((line) => line.split("\t"));
  }

  /** Ends the server and removes its folder. May be called twice. */
  async stop() {
    const data = path.join(this.#folder, "data");
    if (fs.existsSync(path.join(data, "postmaster.pid"))) {
      await this.#program("pg_ctl", ["-D", data, "-m", "immediate", "-w", "stop"]).catch(() => {});
    }
    this.#dismiss();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }

  #program(name, args) {
    const program = path.join(this.#bin, name);
    const [command, ...rest] = this.#asRoot ? ["runuser", "-u", "postgres", "--", program, ...args] : [program, ...args];
    // A folder that the other user may enter, because initdb complains about any other folder.
    return runOrFail(`${name} of Postgres`, command, rest, { cwd: this.#folder, timeoutMs: 60_000 });
  }
}
