import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { OFFICIAL, UNDER_TEST } from "../../harness/installed.mjs";
import { messageOf } from "../support/children.mjs";
import { HANG_GUARD_MS, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

const WORKER = fileURLToPath(new URL("load-worker.mjs", import.meta.url));
const KEYS = ["hot", "warm"];
const JOBS = 150;

test("under a load from two official and two processes of ours no two jobs overlap", async () => {
  const providers = [OFFICIAL, UNDER_TEST, OFFICIAL, UNDER_TEST];
  const workers = providers.map((resolve) =>
    fork(WORKER, [JSON.stringify({ resolve, port: bed.server.port, jobs: JOBS, callers: 5, keys: KEYS })]),
  );
  const guard = setTimeout(() => workers.map((worker) => worker.kill("SIGKILL")), 4 * HANG_GUARD_MS);
  try {
    // All workers must be ready first. Otherwise the first would be done before the last has started.
    for (const ready of await Promise.all(workers.map(messageOf))) assert.equal(ready, "ready");
    const results = workers.map(messageOf);
    const exits = workers.map((worker) => once(worker, "exit"));
    for (const worker of workers) worker.send("start");
    for (const result of await Promise.all(results)) assert.deepEqual(result, { done: JOBS });
    for (const [code] of await Promise.all(exits)) assert.equal(code, 0);
  } finally {
    clearTimeout(guard);
    for (const worker of workers) worker.kill("SIGKILL");
  }
  let jobs = 0;
  for (const key of KEYS) {
    assert.equal(await bed.command("GET", `inside:${key}`), "0");
    jobs += Number(await bed.command("GET", `jobs:${key}`));
  }
  assert.equal(jobs, JOBS * workers.length);
  assert.deepEqual(
    (await bed.locks()).filter((row) => row.name.startsWith("medusa_lock:")),
    [],
  );
});
