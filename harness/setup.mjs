// The set-up steps that `npm start`, `npm test` and the benchmark share. A step does nothing if its work is already done.

import fs from "node:fs";
import path from "node:path";
import { ROOT } from "./paths.mjs";
import { runOrFail, UserError } from "./process.mjs";

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Compares the packages that npm has installed with those of the lock file.
 *
 * @param {string} folder a folder with a package-lock.json
 * @returns {boolean} true when every package that is not optional is installed in the version of the lock file
 */
export function nodeModulesAreCurrent(folder) {
  const wanted = readJson(path.join(folder, "package-lock.json"))?.packages;
  const installed = readJson(path.join(folder, "node_modules", ".package-lock.json"))?.packages;
  if (!wanted || !installed) return false;
  return Object.entries(wanted).every(
    ([name, entry]) =>
      name === "" ||
      !name.includes("node_modules/") ||
      entry.link ||
      entry.optional ||
      entry.devOptional ||
      entry.peer ||
      installed[name]?.version === entry.version,
  );
}

/**
 * Installs the npm packages that package-lock.json names, when they are missing or outdated.
 *
 * @param {object} [options]
 * @param {string} [options.folder] default the project's root
 * @param {boolean} [options.ignoreScripts] the packages' install scripts are not run; default false (npm's own rules)
 * @param {(line: string) => void} [options.log] called before something slow begins; default silent
 * @throws {UserError} when npm fails
 */
export async function ensureNodeModules({ folder = ROOT, ignoreScripts = false, log = () => {} } = {}) {
  if (nodeModulesAreCurrent(folder)) return;
  log("installing npm packages (about a minute)");
  // `npm ci` is not used, because it refuses a lock file without the packages of foreign platforms, which a registry mirror need not have.
  // This command also takes the locked versions. It writes neither the lock file nor package.json.
  const args = ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error", ...(ignoreScripts ? ["--ignore-scripts"] : [])];
  await runOrFail("installing npm packages", "npm", args, { cwd: folder });
}

/**
 * Builds the addon and the provider with scripts/build.mjs, which skips what is up to date.
 *
 * @param {object} [options]
 * @param {(line: string) => void} [options.log] called before the build begins; default silent
 * @throws {UserError} when the build fails
 */
export async function ensureBuilt({ log = () => {} } = {}) {
  const script = path.join(ROOT, "scripts", "build.mjs");
  if (!fs.existsSync(script)) throw new UserError("scripts/build.mjs is missing: the package cannot be built");
  log("building the package, as far as it changed (a few minutes the first time)");
  await runOrFail("building the package", process.execPath, [script], { cwd: ROOT });
}
