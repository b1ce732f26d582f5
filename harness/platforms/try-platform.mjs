// Tries a platform: builds, loads the packed package, runs the conformance tests.

import path from "node:path";
import { run } from "../process.mjs";
import { startServer } from "../redis-servers.mjs";
import { runConformance } from "../run-conformance.mjs";
import { startBridge } from "../server-bridge.mjs";
import { NotHere } from "./not-here.mjs";
import { makeShop } from "./shops.mjs";

const LOAD_LIMIT_MS = 60_000;
const CONFORMANCE_LIMIT_MS = 600_000;

/**
 * One line of the table: the result of each step. If a step failed or is not possible here, it has the reason instead.
 *
 * @typedef {object} Row
 * @property {string} platform
 * @property {string} node
 * @property {string} built
 * @property {string} loaded
 * @property {string} conformance
 * @property {string} date
 * @property {string} [failure] the output of a step that failed
 */

/**
 * @param {import("./index.mjs").Platform} platform
 * @returns {AsyncGenerator<Row>} one row for each Node.js
 */
export async function* tryPlatform({ title, npm, build, runs }) {
  const common = { platform: title, node: "", built: "", loaded: "", conformance: "", date: new Date().toISOString().slice(0, 10) };
  let shop;
  try {
    const addon = await build();
    common.built = addon ? "yes" : "types checked";
    if (addon) shop = await makeShop(npm, addon);
  } catch (error) {
    yield { ...common, built: reasonOf(error), ...failureOf(error) };
    return;
  }
  for (const surroundings of runs) {
    const row = { ...common };
    try {
      await tryNode(await surroundings(), shop, row);
    } catch (error) {
      row[row.loaded ? "conformance" : "loaded"] = reasonOf(error);
      Object.assign(row, failureOf(error));
    }
    yield row;
  }
}

/** Fills the row in, step by step, until a step fails. */
async function tryNode({ name, command, slowness = 1, bridged = false, see = (file) => file }, shop, row) {
  row.node = name;
  const bridge = await startBridge(startServer);
  const env = { MLR_INSTALLED: see(shop), MLR_SLOWNESS: String(slowness), ...(bridged && { MLR_SERVER_BRIDGE: bridge.url }) };
  const server = await startServer();
  try {
    const [program, ...first] = command(shop);
    const limitMs = LOAD_LIMIT_MS * slowness;
    const played = await run(program, [...first, see(path.join(shop, "shop.cjs")), server.url], { cwd: shop, env, timeoutMs: limitMs });
    if (played.code !== 0 || played.stdout.trim() !== "locked") throw new Error(`it did not load, lock and end:\n${played.tail}`);
    row.loaded = "yes";
    const result = await runConformance({ command: command(shop), env, limitMs: CONFORMANCE_LIMIT_MS * slowness, see });
    const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : "";
    row.conformance = `${result.passed} of ${result.passed + result.failed + result.skipped}${skipped}`;
    if (result.code !== 0) row.failure = [...result.failures, result.tail].join("\n");
  } finally {
    await server.stop();
    await bridge.stop();
  }
}

function reasonOf(error) {
  return error instanceof NotHere ? `not here: ${error.message}` : "no";
}

function failureOf(error) {
  return error instanceof NotHere ? {} : { failure: error.message };
}
