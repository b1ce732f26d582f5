// The groups of tests (those of cargo, and the folders of `__test__`), and the parts of `npm run test:all`.

import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { CACHE, ROOT } from "../harness/paths.mjs";
import { TOPOLOGIES } from "../harness/topologies.mjs";

const TESTS = path.join(ROOT, "__test__");
/** Groups whose files start programs that need the machine to themselves. */
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
 * Groups that need the machine to themselves. They stop processes, delay bytes and let leases lapse, so another load would change their
 * results.
 */
export const ALONE = new Set(["waiting", "faults", "cluster", "sentinel", "hostile", "fleets", "admin"]);

/**
 * Groups that start many servers and wait for them to agree, install other versions of Medusa, or repeat other groups in other
 * surroundings. They are not in `npm test`, which must stay short, but in `npm run test:all`.
 */
export const ONLY_IN_TEST_ALL = ["runtimes", "cluster", "sentinel", "medusas", "hostile", "fleets"];

/**
 * The groups of cargo, each with its commands one after the other. Commands with the profile `checks` take too long in debug mode, and link
 * too slowly in release mode.
 */
export const CARGO = {
  core: [
    ["test", "--quiet", "--package", "lock-core"],
    ["test", "--quiet", "--package", "medusa-locking-redis", "--lib"],
  ],
  protocol: [
    ["test", "--quiet", "--package", "server-model"],
    ["test", "--quiet", "--profile", "checks", "--package", "lock-sim"],
    ["run", "--quiet", "--profile", "checks", "--package", "lock-sim", "--", "--steps", "10000000"],
    ["run", "--quiet", "--profile", "checks", "--package", "lock-sim", "--", "--cluster", "--steps", "2000000"],
    ["test", "--quiet", "--profile", "checks", "--package", "lock-model"],
  ],
};

/** Groups that need programs which no other group needs, for example a browser. They run only by `npm test -- NAME`. */
export const ONLY_BY_NAME = ["admin"];

/** The folders of `__test__` that have tests. */
function testFolders() {
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

/** Groups that also run on the thread lane, which keeps the same promises as the loop lane. */
export const ALSO_ON_THREAD_LANE = ["waiting", "faults", "reach", "teardown"];

/** All groups: the core first, then the long ones among the groups that run two at a time. */
export function groups() {
  const folders = testFolders();
  const order = "core conformance protocol edges differential store histories reach cli teardown start".split(" ");
  return order.filter((name) => name in CARGO || folders.includes(name)).concat(folders.filter((name) => !order.includes(name)));
}

/**
 * The parts of `npm run test:all`, by name: the conformance tests over a way to Redis, a group, or a group on the thread lane. `npm test`
 * itself covers the plain server.
 *
 * @returns {Record<string, { topology: string } | { group: string, env?: Record<string, string> }>}
 */
export function partsOfTestAll() {
  return Object.fromEntries([
    ...Object.keys(TOPOLOGIES)
      .filter((name) => name !== "direct")
      .map((topology) => [topology, { topology }]),
    ...ONLY_IN_TEST_ALL.map((group) => [`group:${group}`, { group }]),
    ...ALSO_ON_THREAD_LANE.map((group) => [`thread:${group}`, { group, env: { MEDUSA_LOCKING_LANE: "thread" } }]),
  ]);
}

/** Runs a group on the installed package, with `more` in its environment. Its lines begin with `name`. Resolves with the exit code. */
export function runFolder(group, { name = group, more = {} } = {}) {
  const concurrency = ONE_BY_ONE.has(group) ? 1 : 2;
  const args = ["--test", "--test-reporter=spec", `--test-concurrency=${concurrency}`, ...testFiles(group)];
  return show(name, process.execPath, args, more);
}

/** Runs a program and shows its output. Each line begins with a name. Resolves with the exit code. */
export function show(name, command, args, more = {}) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, MLR_INSTALLED: path.join(CACHE, "installed"), ...more };
    const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], env });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => console.log(`${name} | ${line}`));
    }
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}
