// What `npm test` leaves out because it takes long: the tests of Sentinels, of Redis Cluster, of hostile servers and of other versions of Medusa,
// and the conformance tests on other servers and versions of Node, on the thread lane (with the other groups that it is to pass), and over every
// way to reach Redis that `harness/topologies.mjs` knows: two of these at a time, all else one after the other.

import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { installPacked } from "../harness/install-packed.mjs";
import { CACHE } from "../harness/paths.mjs";
import { runMain, UserError } from "../harness/process.mjs";
import { assertConformance } from "../harness/run-conformance.mjs";
import { ensureNodeModules } from "../harness/setup.mjs";
import { partsOfTestAll, runFolder } from "./test-groups.mjs";

async function runTopology(name) {
  const env = { MLR_TOPOLOGY: name, MLR_INSTALLED: path.join(CACHE, "installed") };
  try {
    return { text: `${await assertConformance({ env })} conformance tests passed` };
  } catch (error) {
    return { failed: true, text: `the conformance tests FAILED\n${error.message}` };
  }
}

async function runGroup(name, env = {}) {
  const failed = (await runFolder(name, env)) !== 0;
  return { failed, text: failed ? "FAILED" : "passed" };
}

/** Groups that run the conformance tests on other versions. */
const CONFORMANCE_GROUPS = ["runtimes", "medusas"];

const PARTS = partsOfTestAll();

await runMain(async () => {
  const known = Object.keys(PARTS);
  const usage = `usage: npm run test:all -- [part ...]
  part   ${known.join(", ")} (default all)`;
  const { names: wanted } = readCommandLine({ usage, names: known });
  await ensureNodeModules({ log: console.log });
  // Does nothing where `npm test` has just installed the same.
  await installPacked();
  const failed = [];
  const runPart = async (name) => {
    console.log(`\n=== ${name}`);
    const began = Date.now();
    const { topology, group, env } = PARTS[name];
    const result = topology ? await runTopology(topology) : await runGroup(group, env);
    console.log(`=== ${name}: ${result.text} after ${Math.round((Date.now() - began) / 1_000)} s`);
    if (result.failed) failed.push(name);
  };
  const parts = wanted.length > 0 ? wanted : known;
  // The conformance tests wait for most of their time: two at once.
  const isConformance = (name) => PARTS[name].topology || CONFORMANCE_GROUPS.includes(PARTS[name].group);
  const conformance = parts.filter(isConformance);
  const worker = async () => {
    for (let name = conformance.shift(); name; name = conformance.shift()) await runPart(name);
  };
  await Promise.all([worker(), worker()]);
  for (const name of parts.filter((part) => !isConformance(part))) await runPart(name);
  if (failed.length > 0) throw new UserError(`failed: ${failed.join(", ")}`);
});
