import test from "node:test";
import { ensureNode } from "../../harness/node-binaries.mjs";
import { assertConformance } from "../../harness/run-conformance.mjs";

// Each server and each Node runs once, in pairs, because a fault of one of them does not depend on the other.

test("the conformance tests pass under Node 22 and on Redis 6.2", async () =>
  assertConformance({ node: await ensureNode("22"), env: { MLR_SERVER: "6.2" } }));

test("the conformance tests pass under Node 24 and on Redis 8.2", async () =>
  assertConformance({ node: await ensureNode("24"), env: { MLR_SERVER: "8.2" } }));

test("the conformance tests pass on the thread lane and on Valkey 8.1", () =>
  assertConformance({ env: { MEDUSA_LOCKING_LANE: "thread", MLR_SERVER: "valkey-8.1" } }));
