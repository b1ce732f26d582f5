// The groups of tests: the folders of `__test__`.

import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { CACHE, ROOT } from "../harness/paths.mjs";

const TESTS = path.join(ROOT, "__test__");
/** Groups whose files start programs that want the machine to themselves. */
const ONE_BY_ONE = new Set([
  "waiting",
  "reach",
  "histories",
  "start",
  "store",
  "runtimes",
  "teardown",
  "cluster",
  "sentinel",
  "medusas",
  "hostile",
  "fleets",
  "admin",
]);

/**
 * Groups that start many servers and wait for them to agree, install other versions of Medusa, or repeat other groups elsewhere: not in
 * `npm test`, which is to stay short, but in `npm run test:all`.
 */
export const ONLY_IN_TEST_ALL = ["runtimes", "cluster", "sentinel", "medusas", "hostile", "fleets"];

/** Groups that need programs which no other has, a browser say: run only by `npm test -- NAME`. */
export const ONLY_BY_NAME = ["admin"];

/** @returns {string[]} names of all groups */
export function testFolders() {
  return fs.readdirSync(TESTS).filter((name) => testFiles(name).length > 0);
}

function testFiles(group) {
  const folder = path.join(TESTS, group);
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(".test.mjs"))
    .sort()
    .map((name) => path.join(folder, name));
}

/** Groups that run on the thread lane, too: it keeps every promise that the other keeps. */
export const ALSO_ON_THREAD_LANE = ["waiting", "faults", "reach", "teardown"];

/** Runs a group on the installed package, with `more` in its environment. Resolves with the exit code. */
export function runFolder(group, more = {}) {
  const concurrency = ONE_BY_ONE.has(group) ? 1 : 2;
  return show(process.execPath, ["--test", "--test-reporter=spec", `--test-concurrency=${concurrency}`, ...testFiles(group)], more);
}

/** Runs a program with this one's output. Resolves with its exit code. */
export function show(command, args, more = {}) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, MLR_INSTALLED: path.join(CACHE, "installed"), ...more };
    const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"], env });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}
