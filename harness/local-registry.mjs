// A registry on this machine (verdaccio). It serves all packages of npm's registry, and takes our packages.

import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CACHE } from "./paths.mjs";
import { runOrFail, UserError } from "./process.mjs";
import { freePort } from "./redis-servers.mjs";
import { endWithUs } from "./watchdog.mjs";

const FOLDER = path.join(CACHE, "verdaccio");
const VERSION = "6.7.4";
const START_TIMEOUT_MS = 60_000;

/** @returns {Promise<string>} verdaccio's program */
async function ensureVerdaccio() {
  const program = path.join(FOLDER, "node_modules", "verdaccio", "bin", "verdaccio");
  const manifest = path.join(FOLDER, "node_modules", "verdaccio", "package.json");
  if (fs.existsSync(manifest) && JSON.parse(fs.readFileSync(manifest, "utf8")).version === VERSION) return program;
  fs.mkdirSync(FOLDER, { recursive: true });
  // One of verdaccio's packages asks for node-fetch by a dist-tag, which mirrors of npm's registry need not have.
  fs.writeFileSync(path.join(FOLDER, "package.json"), `${JSON.stringify({ private: true, overrides: { "node-fetch": "2.7.0" } })}\n`);
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
  await runOrFail("installing verdaccio", "npm", ["install", ...flags, `verdaccio@${VERSION}`], { cwd: FOLDER });
  return program;
}

/**
 * Starts the registry. It forgets our packages of earlier runs, and keeps the packages of others, so that they are fetched only once.
 *
 * @param {string[]} ours prefixes of the names that are published here and never fetched
 * @returns {Promise<{ url: string, userconfig: string, stop(): Promise<void> }>} `userconfig`: an .npmrc with the registry and a login
 * @throws {UserError} when it cannot be installed or does not answer
 */
export async function startRegistry(ours) {
  const program = await ensureVerdaccio();
  const { stdout } = await runOrFail("asking npm for its registry", "npm", ["config", "get", "registry"]);
  const storage = path.join(FOLDER, "storage");
  fs.mkdirSync(storage, { recursive: true });
  for (const name of fs.readdirSync(storage)) {
    if (ours.some((beginning) => name.startsWith(beginning))) fs.rmSync(path.join(storage, name), { recursive: true });
  }
  fs.rmSync(path.join(storage, ".verdaccio-db.json"), { force: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const access = { access: "$all", publish: "$all", unpublish: "$all" };
  const config = {
    storage,
    uplinks: { upstream: { url: stdout.trim(), timeout: "60s", max_fails: 20, fail_timeout: "1s" } },
    packages: { ...Object.fromEntries(ours.map((beginning) => [`${beginning}*`, access])), "**": { access: "$all", proxy: "upstream" } },
    log: { type: "stdout", format: "pretty", level: "error" },
    web: { enable: false },
    max_body_size: "20mb",
  };
  // This is valid YAML, because YAML includes JSON.
  fs.writeFileSync(path.join(FOLDER, "config.yaml"), JSON.stringify(config));
  const userconfig = path.join(FOLDER, "npmrc");
  fs.writeFileSync(userconfig, `registry=${url}\n//127.0.0.1:${port}/:_authToken=nobody\n`);
  const args = [program, "--config", path.join(FOLDER, "config.yaml"), "--listen", `127.0.0.1:${port}`];
  const child = spawn(process.execPath, args, {
    cwd: FOLDER,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, NODE_NO_WARNINGS: "1" },
  });
  const dismiss = endWithUs({ pid: child.pid });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const stop = async () => {
    child.kill();
    await ended;
    dismiss();
  };
  const end = Date.now() + START_TIMEOUT_MS;
  while (!(await answers(url))) {
    if (child.exitCode !== null || Date.now() > end) {
      await stop();
      throw new UserError("the local registry did not start");
    }
    await sleep(100);
  }
  return { url, userconfig, stop };
}

async function answers(url) {
  try {
    return (await fetch(`${url}-/ping`)).ok;
  } catch {
    return false;
  }
}
