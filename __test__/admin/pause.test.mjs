// The time for which the page pauses between two looks. These tests need no store and no browser.

import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { ROOT } from "../../harness/paths.mjs";

const { transpile, ModuleKind } = createRequire(path.join(ROOT, "package.json"))("typescript");

const source = fs.readFileSync(path.join(ROOT, "packages", "medusa-plugin-locks", "src", "admin", "lib", "pause.ts"), "utf8");
const script = transpile(source, { module: ModuleKind.ESNext });
const { pauseAfter } = await import(`data:text/javascript,${encodeURIComponent(script)}`);

test("the page pauses for three seconds, or ten times as long as the last answer took", () => {
  assert.deepEqual([0, 20, 300, 1_800].map(pauseAfter), [3_000, 3_000, 3_000, 18_000]);
});
