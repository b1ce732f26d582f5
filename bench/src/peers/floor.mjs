// The floor: a separate small addon, in bench/floor.

import fs from "node:fs";
import path from "node:path";
import { CACHE, ROOT } from "../../../harness/paths.mjs";
import { runOrFail } from "../../../harness/process.mjs";

/** Environment variable with the path of the addon. */
export const FLOOR_ADDON = "BENCH_FLOOR_ADDON";

/** cargo's name for the library on each system. */
const LIBRARIES = { darwin: "libbench_floor.dylib", win32: "bench_floor.dll" };

/**
 * Builds the floor.
 *
 * @returns {Promise<string>} the path of its addon
 * @throws {UserError} when it does not compile
 */
export async function buildFloor() {
  await runOrFail("building the benchmark's floor", "cargo", ["build", "--release", "--quiet", "--package", "bench-floor"], { cwd: ROOT });
  const folder = process.env.CARGO_TARGET_DIR ?? path.join(ROOT, "target");
  // Node only loads an addon with this extension.
  const addon = path.join(CACHE, "bench", "floor.node");
  fs.mkdirSync(path.dirname(addon), { recursive: true });
  fs.copyFileSync(path.join(folder, "release", LIBRARIES[process.platform] ?? "libbench_floor.so"), addon);
  return addon;
}
