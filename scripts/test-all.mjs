// Runs the tests that `npm test` leaves out because they take long: the tests of Sentinels, of Redis Cluster, of hostile servers and of
// other versions of Medusa. It also runs the conformance tests on other servers and versions of Node, on the thread lane (with the other
// groups that must pass there), and over every way to reach Redis in `harness/topologies.mjs`. Parts that do not need the machine to
// themselves run two at a time.

import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { installPacked } from "../harness/install-packed.mjs";
import { CACHE } from "../harness/paths.mjs";
import { runMain } from "../harness/process.mjs";
import { assertConformance } from "../harness/run-conformance.mjs";
import { ensureNodeModules } from "../harness/setup.mjs";
import { runTwoAtATime } from "../harness/two-at-a-time.mjs";
import { ALONE, partsOfTestAll, runFolder } from "./test-groups.mjs";

async function runTopology(name) {
  const env = { MLR_TOPOLOGY: name, MLR_INSTALLED: path.join(CACHE, "installed") };
  try {
    return { text: `${await assertConformance({ env })} conformance tests passed` };
  } catch (error) {
    return { failed: true, text: `the conformance tests FAILED\n${error.message}` };
  }
}

async function runGroup(name, group, more) {
  const failed = (await runFolder(group, { name, more })) !== 0;
  return { failed, text: failed ? "FAILED" : "passed" };
}

const PARTS = partsOfTestAll();

await runMain(async () => {
  const known = Object.keys(PARTS);
  const usage = `usage: npm run test:all -- [part ...]
  part   ${known.join(", ")} (default all)`;
  const { names: wanted } = readCommandLine({ usage, names: known });
  await ensureNodeModules({ log: console.log });
  // This does nothing if `npm test` has just installed the same packages.
  await installPacked();
  const run = (name) => {
    const { topology, group, env } = PARTS[name];
    return topology ? runTopology(topology) : runGroup(name, group, env);
  };
  await runTwoAtATime(wanted.length > 0 ? wanted : known, { isAlone: (name) => ALONE.has(PARTS[name].group), run });
});
