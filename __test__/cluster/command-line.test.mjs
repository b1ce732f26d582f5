// The command line on a cluster: the locks of all nodes, and the doctor's findings.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startCluster } from "../../harness/clusters.mjs";
import { cli, cliJson, doctor, startInstance } from "../cli/support.mjs";
import { until } from "../support/testbed.mjs";

const cluster = await startCluster({ replicas: 0 });
after(() => cluster.stop());
const { host, port } = cluster.startupNodes[0];
const URL = ["--url", `redis://${host}:${port}`, "--cluster"];
const bed = { url: `redis://${host}:${port}` };
const KEYS = ["a", "b", "c", "d", "e"];

function instance() {
  return startInstance(bed, { redisUrl: undefined, cluster: { startupNodes: cluster.startupNodes.slice(0, 1) } });
}

test("list, show, release and the doctor work over all nodes", async () => {
  const [holder, waiter] = await Promise.all([instance(), instance()]);
  for (const key of KEYS) await holder.hold(key);
  await waiter.wait("c");
  await until("the wait is told", async () => (await cliJson(["show", "c", ...URL])).json.waiters.count === 1);
  const { json } = await cliJson(["list", ...URL]);
  assert.deepEqual(json.locks.map(({ key }) => key).sort(), KEYS);
  assert.equal(json.locks[0].key, "c");
  for (const lock of json.locks) assert.equal(lock.holder.pid, holder.pid);
  assert.equal((await cli(["release", "c", "--yes", ...URL])).code, 0);
  await waiter.says("served");
  const { ids, find } = await doctor(URL);
  assert.deepEqual(ids, Array(3).fill("server-not-persistent"), "one for each node");
  assert.equal(find("mode-hand-off").level, "ok");
  assert.equal(find("rights").level, "ok");
  assert.match(find("connected").text, /^The cluster answers: .+, .+, .+\.$/);
});

test("a program runs under a lock", async () => {
  const { code, stdout } = await cli([
    "run",
    ...URL,
    "--lock",
    "x",
    "--lock",
    "y",
    "--",
    process.execPath,
    "-e",
    "console.log(process.env.LOCK_TOKEN_2)",
  ]);
  assert.equal(code, 0);
  assert.match(stdout, /^\d{16}\n$/);
});
