// All tests. Sets up what it needs (npm packages, the addon, a Redis of every version, Postgres for the store), then runs the core's
// tests, the groups of __test__/ and the checks of the protocol, one after the other.
//   node scripts/test.mjs [group ...]     groups: core and the folders of __test__; default all

import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { installPacked } from "./install-packed.mjs";
import { CACHE, ROOT } from "./lib/paths.mjs";
import { findOnPath, run, runMain, UserError } from "./lib/process.mjs";
import { ensureNodeModules } from "./lib/setup.mjs";

const TESTS = path.join(ROOT, "__test__");
/** Groups whose files start programs that want the machine to themselves. */
const ONE_BY_ONE = new Set(["waiting", "reach", "histories", "start", "store", "runtimes", "teardown"]);

function testFiles(group) {
  const folder = path.join(TESTS, group);
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(".test.mjs"))
    .sort()
    .map((name) => path.join(folder, name));
}

/** The groups there are, the quick and telling ones first. */
function groups() {
  const folders = fs.readdirSync(TESTS).filter((name) => testFiles(name).length > 0);
  const order = [
    "core",
    "types",
    "support",
    "options",
    "conformance",
    "waiting",
    "differential",
    "faults",
    "reach",
    "histories",
    "teardown",
    "start",
    "runtimes",
    "store",
    "protocol",
  ];
  return order.filter((name) => name in CARGO || folders.includes(name)).concat(folders.filter((name) => !order.includes(name)));
}

/** Runs a program with this one's output. Resolves with its exit code. */
function show(command, args, more = {}) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, MLR_INSTALLED: path.join(CACHE, "installed"), ...more };
    const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"], env });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/** The groups of cargo, each with its commands one after the other. What is not in debug mode takes too long there. */
const CARGO = {
  core: [
    ["test", "--quiet", "--package", "lock-core"],
    ["test", "--quiet", "--package", "medusa-locking-redis", "--lib"],
  ],
  protocol: [
    ["test", "--quiet", "--package", "server-model"],
    ["test", "--quiet", "--release", "--package", "lock-sim"],
    ["run", "--quiet", "--release", "--package", "lock-sim", "--", "--steps", "10000000"],
    ["test", "--quiet", "--release", "--package", "lock-model"],
  ],
};

async function runCargo(commands) {
  if (!findOnPath("cargo")) throw new UserError("cargo is not on the PATH: install a Rust toolchain, https://rustup.rs");
  const servers = await run(process.execPath, [path.join(ROOT, "scripts", "servers.mjs")]);
  process.stderr.write(servers.stderr);
  for (const args of commands) {
    const code = await show("cargo", args, { MLR_SERVERS: servers.stdout.trim() });
    if (code !== 0) return code;
  }
  return 0;
}

function runGroup(group) {
  if (group in CARGO) return runCargo(CARGO[group]);
  const concurrency = ONE_BY_ONE.has(group) ? 1 : 2;
  return show(process.execPath, ["--test", "--test-reporter=spec", `--test-concurrency=${concurrency}`, ...testFiles(group)]);
}

await runMain(async () => {
  const known = groups();
  const wanted = process.argv.slice(2);
  const unknown = wanted.find((group) => !known.includes(group));
  if (unknown) throw new UserError(`unknown group "${unknown}"; there are ${known.join(", ")}`);
  const log = (line) => console.log(line);
  await ensureNodeModules({ log });
  log("packing the package and installing it as users do");
  await installPacked();
  const failed = [];
  for (const group of wanted.length > 0 ? wanted : known) {
    const began = Date.now();
    log(`\n=== ${group}`);
    const code = await runGroup(group);
    log(`=== ${group}: ${code === 0 ? "passed" : "FAILED"} after ${Math.round((Date.now() - began) / 1000)} s`);
    if (code !== 0) failed.push(group);
  }
  if (failed.length > 0) throw new UserError(`failed: ${failed.join(", ")}`);
});
