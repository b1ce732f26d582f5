// Runs the conformance tests again in other surroundings.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./process.mjs";

const FOLDER = fileURLToPath(new URL("../__test__/conformance/", import.meta.url));
/** Long enough for a slow machine. Without a limit a hanging test would be waited for without end. */
const LIMIT_MS = 240_000;
/** Far below the real number of tests. A run that found no tests must not count as passed. */
const LEAST_TESTS = 200;

/**
 * Runs them.
 *
 * @param {object} [surroundings]
 * @param {string[]} [surroundings.command] the Node.js that runs them, and the words before its arguments; default this Node.js
 * @param {Record<string, string>} [surroundings.env] such as `MLR_SERVER`, `MLR_TOPOLOGY` or `MEDUSA_LOCKING_LANE`
 * @param {number} [surroundings.limitMs] the time after which the run is ended; default four minutes
 * @param {(file: string) => string} [surroundings.see] the name of a file for that Node.js; default its path
 * @returns {Promise<{ code: number | null, passed: number, failed: number, skipped: number, failures: string[], tail: string }>}
 */
export async function runConformance({ command = [process.execPath], env = {}, limitMs = LIMIT_MS, see = (file) => file } = {}) {
  const files = fs.readdirSync(FOLDER).filter((name) => name.endsWith(".test.mjs"));
  const args = ["--test", "--test-reporter=tap", "--test-concurrency=2", ...files.map((name) => see(path.join(FOLDER, name)))];
  const [program, ...first] = command;
  // This variable tells Node that a run is a part of another run. Then Node would run nothing.
  const surroundings = { ...env, NODE_TEST_CONTEXT: undefined };
  const { code, stdout, tail } = await run(program, [...first, ...args], { env: surroundings, timeoutMs: limitMs });
  // Each failure, with TAP's details.
  const failures = stdout.match(/^ *not ok.*?^ *\.\.\.\r?$/gms) ?? [];
  const count = (what) => Number(new RegExp(`^# ${what} (\\d+)\r?$`, "m").exec(stdout)?.[1] ?? 0);
  return { code, passed: count("pass"), failed: count("fail"), skipped: count("skipped"), failures, tail };
}

/**
 * Runs the tests, and asserts that all passed and that there were enough of them.
 *
 * @param {object} [surroundings] as for `runConformance`, with `node`, a path, in place of `command`
 * @returns {Promise<number>} the number of passed tests
 * @throws {assert.AssertionError} with the end of the run's output
 */
export async function assertConformance({ node = process.execPath, env = {} } = {}) {
  const { code, passed, failed, failures, tail } = await runConformance({ command: [node], env });
  assert.equal(code, 0, `${failures.join("\n")}\n${tail}`);
  assert.ok(passed >= LEAST_TESTS, `only ${passed} tests passed\n${tail}`);
  assert.equal(failed, 0);
  return passed;
}
