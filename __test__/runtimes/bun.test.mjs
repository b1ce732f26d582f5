import assert from "node:assert/strict";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { INSTALLED } from "../../harness/installed.mjs";
import { ensureBun } from "../../harness/node-binaries.mjs";
import { run } from "../../harness/process.mjs";
import { HANG_GUARD_MS, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();
const SCRIPT = fileURLToPath(new URL("./bun-smoke.mjs", import.meta.url));

test("the package locks under Bun, on the thread lane, and lets the process end", async () => {
  const env = { MLR_INSTALLED: INSTALLED };
  const { code, stdout, tail } = await run(await ensureBun(), [SCRIPT, bed.url], { env, timeoutMs: 2 * HANG_GUARD_MS });
  assert.equal(code, 0, tail);
  const seen = JSON.parse(stdout.trim().split("\n").at(-1));
  assert.deepEqual(seen, { bun: true, finished: 50, most: 1, refused: "LOCK_NOT_ACQUIRED", released: true });
  assert.deepEqual(await bed.locks(), []);
});
