// Builds the page for Medusa's Admin with Medusa's own command. It uses the packages of the example store, which are those of a Medusa
// project.

import fs from "node:fs";
import path from "node:path";
import { PLUGIN, stagePlugin } from "./packages.mjs";
import { CACHE, ROOT } from "./paths.mjs";
import { runOrFail } from "./process.mjs";
import { CLI, installStorePackages, STORE } from "./store-setup.mjs";

/** This folder is in the store's folder, so that the store's packages are found. */
const BUILD = path.join(STORE, "plugin-build");
const BUILT = path.join(".medusa", "server");

/**
 * Checks the types of medusa-plugin-locks, builds it, and lays the package out. The provider must be compiled.
 *
 * @param {string} folder the target folder, which is emptied
 * @throws {UserError} when npm, the compiler or Medusa's command fails
 */
export async function buildPlugin(folder) {
  await installStorePackages();
  fs.rmSync(BUILD, { recursive: true, force: true });
  fs.cpSync(PLUGIN, BUILD, { recursive: true, filter: (file) => !/[\\/](node_modules|\.medusa)([\\/]|$)/.test(file.slice(PLUGIN.length)) });
  fs.mkdirSync(path.join(BUILD, "node_modules"));
  fs.symlinkSync(ROOT, path.join(BUILD, "node_modules", "medusa-locking-redis"), "junction");
  // Medusa's command only checks the types of the routes.
  const compiler = path.join(STORE, "node_modules", "typescript", "bin", "tsc");
  await runOrFail("checking the plugin's types", process.execPath, [compiler, "-p", ".", "--noEmit"], { cwd: BUILD });
  const env = { MEDUSA_DISABLE_TELEMETRY: "1" };
  await runOrFail("building the plugin", process.execPath, [CLI, "plugin:build"], { cwd: BUILD, env, timeoutMs: 180_000 });
  // The source maps point to sources that are not in the package.
  for (const file of fs.readdirSync(path.join(BUILD, BUILT), { recursive: true })) {
    if (file.endsWith(".map")) fs.rmSync(path.join(BUILD, BUILT, file));
  }
  stagePlugin(BUILD, folder);
  // A build of the store would also compile this folder.
  fs.rmSync(BUILD, { recursive: true });
}

/**
 * Builds and packs the plugin as it is published.
 *
 * @returns {Promise<string>} the tarball
 * @throws {UserError} as `buildPlugin`
 */
export async function packPlugin() {
  const folder = path.join(CACHE, "plugin");
  await buildPlugin(path.join(folder, "package"));
  const args = ["pack", "--json", "--loglevel=error", "--pack-destination", folder];
  const { stdout } = await runOrFail("packing the plugin", "npm", args, { cwd: path.join(folder, "package") });
  return path.join(folder, JSON.parse(stdout)[0].filename);
}
