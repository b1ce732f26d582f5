// Clusters of other server versions than the one of the other tests.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startCluster } from "../../harness/clusters.mjs";
import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";
import { RecordedLoad } from "../support/recorded-load.mjs";

/** By version: whether locks are handed over. Before 7.0 no channel belongs to a slot. */
const VERSIONS = { 6.2: false, 8.2: true, "valkey-8.1": true };

for (const [version, handsOver] of Object.entries(VERSIONS)) {
  test(`locks on a cluster of ${version} are ${handsOver ? "handed over" : "waited for by polling, which the log says once"}`, async () => {
    const cluster = await startCluster({ version, replicas: 0 });
    const boots = [];
    try {
      const entry = () => providerEntry({ cluster: { startupNodes: cluster.startupNodes } });
      for (let at = 0; at < 2; at += 1) boots.push(await bootLocking({ providers: [entry()] }));
      const load = new RecordedLoad(boots, { keys: ["a", "b", "c"], callers: 12 });
      await boots[0].locking.execute(["x", "y", "z"], async () => {}, { timeout: 30 });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await load.stop();
      assert.deepEqual(load.failures, []);
      assert.deepEqual(load.violations(), []);
      assert.ok(load.jobs > 50, `only ${load.jobs} jobs`);
      for (const { logText } of boots) {
        assert.equal(logText.match(/older than 7\.0/g)?.length ?? 0, handsOver ? 0 : 1, logText);
      }
    } finally {
      for (const booted of boots) await booted.shutdown();
      await cluster.stop();
    }
  });
}
