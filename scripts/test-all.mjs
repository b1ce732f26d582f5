// The conformance tests over every way to reach Redis that `__test__/support/topologies.mjs` knows, one after the other.
//   node scripts/test-all.mjs [topology ...]     default all

import path from "node:path";
import { assertConformance } from "../__test__/runtimes/run-conformance.mjs";
import { TOPOLOGIES } from "../__test__/support/topologies.mjs";
import { installPacked } from "./install-packed.mjs";
import { CACHE } from "./lib/paths.mjs";
import { runMain, UserError } from "./lib/process.mjs";
import { ensureNodeModules } from "./lib/setup.mjs";

await runMain(async () => {
  const known = Object.keys(TOPOLOGIES);
  const wanted = process.argv.slice(2);
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown) throw new UserError(`unknown topology "${unknown}"; there are ${known.join(", ")}`);
  await ensureNodeModules({ log: console.log });
  await installPacked();
  const failed = [];
  for (const name of wanted.length > 0 ? wanted : known) {
    const began = Date.now();
    const seconds = () => `${Math.round((Date.now() - began) / 1_000)} s`;
    try {
      const env = { MLR_TOPOLOGY: name, MLR_INSTALLED: path.join(CACHE, "installed") };
      const passed = await assertConformance({ env });
      console.log(`${name}: ${passed} tests passed after ${seconds()}`);
    } catch (error) {
      failed.push(name);
      console.log(`${name}: FAILED after ${seconds()}\n${error.message}`);
    }
  }
  if (failed.length > 0) throw new UserError(`failed: ${failed.join(", ")}`);
});
