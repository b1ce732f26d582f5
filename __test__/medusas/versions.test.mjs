import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { HANG_GUARD_MS, openTestbed } from "../support/testbed.mjs";
import { compile } from "../types/support.mjs";
import { installMedusa, VERSIONS } from "./versions.mjs";

const bed = openTestbed();

const run = promisify(execFile);
const SHOP = fileURLToPath(new URL("./shop.mjs", import.meta.url));

/** From this version on, a provider is found by its id, so the name that begins with `lp_` can be added. */
const FIRST_WITH_IDS = [2, 8, 8];

function knowsPrefix(version) {
  const parts = version.split(/[.-]/).slice(0, 3).map(Number);
  const at = parts.findIndex((part, index) => part !== FIRST_WITH_IDS[index]);
  return at < 0 || parts[at] > FIRST_WITH_IDS[at];
}

for (const version of VERSIONS) {
  test(`Medusa ${version} takes the package, boots with it, locks, and its types compile with those of the package`, async () => {
    const folder = await installMedusa(version);
    const { stdout } = await run(process.execPath, [SHOP, bed.url, String(knowsPrefix(version))], {
      env: { ...process.env, MLR_INSTALLED: folder },
      timeout: HANG_GUARD_MS,
    });
    assert.match(stdout, /done/);
    const compiled = await compile(folder, "Node16");
    assert.equal(compiled.code, 0, compiled.stdout);
  });
}
