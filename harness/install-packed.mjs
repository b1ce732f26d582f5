// Installs the packed tarballs, Medusa's Locking Module and the official provider in `.cache/installed`: the project that the tests boot.
// It does only the necessary steps, and nothing if tarballs and versions are the same as last time.

import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { CACHE, ROOT } from "./paths.mjs";
import { runOrFail, UserError } from "./process.mjs";
import { nodeModulesAreCurrent } from "./setup.mjs";

const TARGET = path.join(CACHE, "installed");
const MARK = ".installed.json";
const NPM_FLAGS = ["--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"];

/**
 * @param {object} [options]
 * @param {string[]} [options.tarballs] default what `npm run -s pack:local` prints; an empty list installs none of ours
 * @param {string[]} [options.more] tarballs besides these
 * @param {string} [options.target] default `.cache/installed`
 * @param {boolean} [options.ownManifest] the target has a package.json that names the other packages to install; default: Medusa's
 *   framework, its Locking Module and the official provider, in the versions of the work tree
 * @returns {Promise<string>} the folder with the installed packages
 * @throws {UserError} when packing or installing fails
 */
export async function installPacked({ tarballs, more = [], target = TARGET, ownManifest = false } = {}) {
  const files = [...(tarballs ?? (await packedTarballs())), ...more].map((file) => path.resolve(ROOT, file));
  const missing = files.find((file) => !fs.existsSync(file));
  if (missing) throw new UserError(`no such tarball: ${missing}`);
  const base = ownManifest ? readJson(path.join(target, "package.json")).dependencies : medusaVersions();
  const wanted = { base, tarballs: files.map((file) => ({ name: path.basename(file), hash: hashOf(file) })) };
  const mark = path.join(target, "node_modules", MARK);
  const found = readJson(mark);
  // An installation of something else may have removed our package, because no manifest names it.
  const there = files.length === 0 || fs.existsSync(path.join(target, "node_modules", "medusa-locking-redis", "package.json"));
  if (there && JSON.stringify(found) === JSON.stringify(wanted)) return target;

  fs.mkdirSync(target, { recursive: true });
  // While the folder is being changed, it must not count as complete.
  fs.rmSync(mark, { force: true });
  // A project's own lock file stays in use. Without it npm would take newer versions of all packages.
  const locked = ownManifest && fs.existsSync(path.join(target, "package-lock.json"));
  const flags = locked ? NPM_FLAGS : [...NPM_FLAGS, "--no-package-lock"];
  if (JSON.stringify(found?.base) !== JSON.stringify(base) && !nodeModulesAreCurrent(target)) {
    // Without a manifest in the folder, npm would install into the project around it.
    if (!ownManifest) writeManifest(target, base);
    await runOrFail("installing Medusa", "npm", ["install", ...flags], { cwd: target });
  }
  if (files.length > 0) await installTarballs(target, files, flags);
  fs.writeFileSync(mark, `${JSON.stringify(wanted, null, 2)}\n`);
  return target;
}

async function packedTarballs() {
  const { stdout } = await runOrFail("packing", "npm", ["run", "-s", "pack:local"], { cwd: ROOT });
  const files = stdout
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  if (files.length === 0) throw new UserError("npm run -s pack:local printed no tarball");
  return files;
}

/** The versions of Medusa's packages in the work tree. */
function medusaVersions() {
  const { devDependencies } = readJson(path.join(ROOT, "package.json"));
  const names = ["@medusajs/framework", "@medusajs/locking", "@medusajs/locking-redis"];
  return Object.fromEntries(names.map((name) => [name, devDependencies[name]]));
}

function writeManifest(target, dependencies) {
  const manifest = { name: "installed", private: true, dependencies };
  fs.writeFileSync(path.join(target, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

async function installTarballs(target, files, flags) {
  // Name and version are the same, but the contents differ, so npm would keep the package that it has.
  const modules = path.join(target, "node_modules");
  for (const name of fs.readdirSync(modules)) {
    if (/^medusa-(locking-redis|plugin-locks)/.test(name)) fs.rmSync(path.join(modules, name), { recursive: true, force: true });
  }
  const specs = files.map((file) => `file:${file}`);
  await runOrFail("installing the tarballs", "npm", ["install", ...flags, "--no-save", ...specs], { cwd: target });
  if (!fs.existsSync(path.join(modules, "medusa-locking-redis", "package.json"))) {
    throw new UserError("medusa-locking-redis is not among the installed tarballs");
  }
}

function hashOf(file) {
  return createHash("sha256").update(fs.readFileSync(file)).digest("hex");
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
