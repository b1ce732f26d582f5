// Runs the conformance tests once more, in other surroundings, and asserts that all of them passed.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./process.mjs";

const FOLDER = fileURLToPath(new URL("../__test__/conformance/", import.meta.url));
/** Enough for a slow machine; without a limit a hang would be waited for. */
const LIMIT_MS = 240_000;
/** Far below the number of tests there are; a run that found none must not count. */
const LEAST_TESTS = 200;

/**
 * @param {object} [surroundings]
 * @param {string} [surroundings.node] path of the Node.js to run them with; default this one
 * @param {Record<string, string>} [surroundings.env] such as `MLR_SERVER`, `MLR_TOPOLOGY` or `MEDUSA_LOCKING_LANE`
 * @returns {Promise<number>} how many tests passed
 * @throws {assert.AssertionError} with the end of the run's output
 */
export async function assertConformance({ node = process.execPath, env = {} } = {}) {
  const files = fs.readdirSync(FOLDER).filter((name) => name.endsWith(".test.mjs"));
  const args = ["--test", "--test-reporter=tap", "--test-concurrency=2", ...files.map((name) => path.join(FOLDER, name))];
  // By this variable Node tells that a run is part of an outer one; it would then run nothing.
  const { code, stdout, tail } = await run(node, args, { env: { ...env, NODE_TEST_CONTEXT: undefined }, timeoutMs: LIMIT_MS });
  const failed = stdout.split("\n").filter((line) => /^\s*not ok/.test(line));
  assert.equal(code, 0, `${failed.join("\n")}\n${tail}`);
  const passed = Number(/^# pass (\d+)$/m.exec(stdout)?.[1]);
  assert.ok(passed >= LEAST_TESTS, `only ${passed} tests passed\n${tail}`);
  assert.match(stdout, /^# fail 0$/m);
  return passed;
}
