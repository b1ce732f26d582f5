// The package managers of users, each from npm's registry, and how each of them learns which registry to use.

import fs from "node:fs";
import path from "node:path";
import { ensureBun } from "../node-binaries.mjs";
import { CACHE } from "../paths.mjs";
import { runOrFail } from "../process.mjs";

const FOLDER = path.join(CACHE, "managers");

/**
 * @typedef {object} Manager
 * @property {() => Promise<string[]>} command the program and its first arguments
 * @property {string[]} install arguments
 * @property {string[]} [node] arguments that run Node.js with the project's packages; default Node.js itself
 * @property {(registry: { url: string }) => Record<string, string>} files configuration, by name
 * @property {(caches: string) => Record<string, string>} [env] keeps its cache separate, because a version of our package has different
 *   contents each time
 */

/** @type {Record<string, Manager>} */
export const MANAGERS = {
  npm9: npm("9.9.4"),
  npm10: npm("10.9.9"),
  npm11: npm("11.6.2"),
  pnpm: {
    command: () => fromNpm("pnpm", "10.20.0", "bin/pnpm.cjs"),
    install: ["install", "--no-frozen-lockfile", "--ignore-scripts"],
    files: npmrc,
    env: (caches) => ({ npm_config_store_dir: path.join(caches, "pnpm"), npm_config_cache_dir: path.join(caches, "pnpm-metadata") }),
  },
  yarn1: {
    command: () => fromNpm("yarn", "1.22.22", "bin/yarn.js"),
    install: ["install", "--non-interactive", "--ignore-scripts", "--ignore-engines", "--no-lockfile"],
    files: ({ url }) => ({ ".yarnrc": `registry "${url}"\n` }),
    env: (caches) => ({ YARN_CACHE_FOLDER: path.join(caches, "yarn1") }),
  },
  "yarn4 node_modules": yarn4("node-modules"),
  "yarn4 pnp": yarn4("pnp"),
  bun: {
    command: async () => [await ensureBun()],
    install: ["install", "--ignore-scripts", "--no-progress"],
    files: ({ url }) => ({ "bunfig.toml": `[install]\nregistry = "${url}"\n` }),
    env: (caches) => ({ BUN_INSTALL_CACHE_DIR: path.join(caches, "bun") }),
  },
};

function npm(version) {
  return {
    command: () => fromNpm("npm", version, "bin/npm-cli.js"),
    install: ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    files: npmrc,
    env: (caches) => ({ npm_config_cache: path.join(caches, "npm") }),
  };
}

function yarn4(nodeLinker) {
  return {
    command: () => fromNpm("@yarnpkg/cli-dist", "4.18.1", "bin/yarn.js"),
    install: ["install", "--mode=skip-build"],
    node: ["node"],
    files: ({ url }) => ({
      // This is valid YAML, because YAML includes JSON.
      ".yarnrc.yml": JSON.stringify({
        npmRegistryServer: url.replace(/\/$/, ""),
        unsafeHttpWhitelist: ["127.0.0.1"],
        nodeLinker,
        enableTelemetry: false,
        enableImmutableInstalls: false,
        enableScripts: false,
        // Yarn refuses versions that were published a moment ago, as this one was.
        npmPreapprovedPackages: ["medusa-locking-redis*"],
      }),
      "yarn.lock": "",
    }),
    env: (caches) => ({ YARN_GLOBAL_FOLDER: path.join(caches, "yarn4") }),
  };
}

function npmrc({ url }) {
  return { ".npmrc": `registry=${url}\n` };
}

/** Installs a package manager that runs on Node.js. */
async function fromNpm(name, version, program) {
  const folder = path.join(FOLDER, `${name.replace("/", "-")}-${version}`);
  const file = path.join(folder, "node_modules", name, program);
  if (!fs.existsSync(file)) {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, "package.json"), '{ "private": true }\n');
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
    await runOrFail(`installing ${name}@${version}`, "npm", ["install", ...flags, `${name}@${version}`], { cwd: folder });
  }
  return [process.execPath, file];
}
