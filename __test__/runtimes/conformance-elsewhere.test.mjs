import test from "node:test";
import { ensureNode } from "../../scripts/lib/node-binaries.mjs";
import { assertConformance } from "./run-conformance.mjs";

for (const version of ["6.2", "8.2", "valkey-8.1"]) {
  test(`the conformance tests pass on ${version.startsWith("valkey") ? version : `Redis ${version}`}`, () =>
    assertConformance({ env: { MLR_SERVER: version } }));
}

for (const version of ["22", "24"]) {
  test(`the conformance tests pass under Node ${version}`, async () => assertConformance({ node: await ensureNode(version) }));
}

test("the conformance tests pass on the thread lane", () => assertConformance({ env: { MEDUSA_LOCKING_LANE: "thread" } }));
