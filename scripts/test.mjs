// The tests. They set up everything they need (npm packages, the addon, a Redis of every version, Postgres for the store). Then they run
// the core's tests, the groups of __test__/ and the checks of the protocol. Parts that do not need the machine to themselves run two at a
// time.

import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { installPacked } from "../harness/install-packed.mjs";
import { ROOT } from "../harness/paths.mjs";
import { findOnPath, run, runMain, UserError } from "../harness/process.mjs";
import { ensureNodeModules } from "../harness/setup.mjs";
import { runTwoAtATime } from "../harness/two-at-a-time.mjs";
import { ALONE, CARGO, groups, ONLY_BY_NAME, ONLY_IN_TEST_ALL, runFolder, show } from "./test-groups.mjs";

async function runCargo(group) {
  if (!findOnPath("cargo")) throw new UserError("cargo is not on the PATH: install a Rust toolchain, https://rustup.rs");
  const servers = await run(process.execPath, [path.join(ROOT, "scripts", "servers.mjs")]);
  process.stderr.write(servers.stderr);
  for (const args of CARGO[group]) {
    const code = await show(group, "cargo", args, { MLR_SERVERS: servers.stdout.trim() });
    if (code !== 0) return code;
  }
  return 0;
}

/** The groups that a bare `npm test` leaves out. */
const LEFT_OUT = [...ONLY_IN_TEST_ALL, ...ONLY_BY_NAME];

async function runGroup(group) {
  const code = await (group in CARGO ? runCargo(group) : runFolder(group));
  return code === 0 ? { text: "passed" } : { failed: true, text: "FAILED" };
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
  const chosen = wanted.length > 0 ? wanted : known.filter((name) => !LEFT_OUT.includes(name));
  await runTwoAtATime(chosen, { isAlone: (name) => ALONE.has(name), run: runGroup });
});
