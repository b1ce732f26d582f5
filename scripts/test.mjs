// The tests. Sets up what it needs (npm packages, the addon, a Redis of every version, Postgres for the store), then runs the core's
// tests, the groups of __test__/ and the checks of the protocol, one after the other.

import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { installPacked } from "../harness/install-packed.mjs";
import { ROOT } from "../harness/paths.mjs";
import { findOnPath, run, runMain, UserError } from "../harness/process.mjs";
import { ensureNodeModules } from "../harness/setup.mjs";
import { ONLY_BY_NAME, ONLY_IN_TEST_ALL, runFolder, show, testFolders } from "./test-groups.mjs";

/** The groups there are, the quick and telling ones first. */
function groups() {
  const folders = testFolders();
  const order = [
    "core",
    "types",
    "support",
    "options",
    "conformance",
    "edges",
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

/**
 * The groups of cargo, each with its commands one after the other. What has the profile `checks` takes too long in debug mode, and links
 * too long in release mode.
 */
const CARGO = {
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

/** What a bare `npm test` leaves out. */
const LEFT_OUT = [...ONLY_IN_TEST_ALL, ...ONLY_BY_NAME];

function runGroup(group) {
  return group in CARGO ? runCargo(CARGO[group]) : runFolder(group);
}

await runMain(async () => {
  const known = groups();
  const usage = `usage: npm test -- [group ...]
  group   ${known.join(", ")}
          default all but ${LEFT_OUT.join(", ")}`;
  const { names: wanted } = readCommandLine({ usage, names: known });
  const log = (line) => console.log(line);
  await ensureNodeModules({ log });
  log("packing the package and installing it as users do");
  await installPacked();
  const failed = [];
  for (const group of wanted.length > 0 ? wanted : known.filter((name) => !LEFT_OUT.includes(name))) {
    const began = Date.now();
    log(`\n=== ${group}`);
    const code = await runGroup(group);
    log(`=== ${group}: ${code === 0 ? "passed" : "FAILED"} after ${Math.round((Date.now() - began) / 1000)} s`);
    if (code !== 0) failed.push(group);
  }
  if (failed.length > 0) throw new UserError(`failed: ${failed.join(", ")}`);
});
