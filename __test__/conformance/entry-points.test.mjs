// The package as seen from outside: processes of their own load it, as users load it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { INSTALLED, requireInstalled, UNDER_TEST } from "../../harness/installed.mjs";
import { HANG_GUARD_MS, OURS_ONLY } from "../support/testbed.mjs";

const run = promisify(execFile);

/** Runs a program in the shop's folder and parses the one line of JSON that it prints. */
async function evaluate(code, kind) {
  const args = kind === "module" ? ["--input-type=module", "-e", code] : ["-e", code];
  const { stdout } = await run(process.execPath, args, { cwd: INSTALLED, timeout: HANG_GUARD_MS });
  return JSON.parse(stdout);
}

const FILE = path.isAbsolute(UNDER_TEST) ? requireInstalled.resolve(UNDER_TEST) : undefined;
const SPECIFIER = JSON.stringify(FILE ?? UNDER_TEST);
/** `import` does not accept a path that begins with a drive's letter. */
const IMPORT_SPECIFIER = JSON.stringify(FILE ? pathToFileURL(FILE).href : UNDER_TEST);

const DESCRIBE = `
  const provider = loaded.default ?? loaded;
  console.log(JSON.stringify({
    module: provider.module,
    services: provider.services.map((one) => one.identifier),
    loaders: provider.loaders.length,
    methods: provider.services.flatMap(({ prototype }) =>
      ["acquire", "release", "releaseAll", "execute"].filter((name) => typeof prototype[name] === "function")),
  }));
`;

const EXPECTED = { module: "locking", services: ["locking-redis"], loaders: 1, methods: ["acquire", "release", "releaseAll", "execute"] };

test("require gives Medusa's provider definition", async () => {
  assert.deepEqual(await evaluate(`const loaded = require(${SPECIFIER}); ${DESCRIBE}`, "commonjs"), EXPECTED);
});

test("import gives the same", async () => {
  const code = `const namespace = await import(${IMPORT_SPECIFIER}); const loaded = namespace.default; ${DESCRIBE}`;
  assert.deepEqual(await evaluate(code, "module"), EXPECTED);
});

test("require and import give the same object", async () => {
  const code = `
    import { createRequire } from "node:module";
    const required = createRequire(process.cwd() + "/shop.js")(${SPECIFIER});
    const imported = (await import(${IMPORT_SPECIFIER})).default;
    const bare = (value) => value.default ?? value;
    console.log(JSON.stringify(bare(required) === bare(imported)));
  `;
  assert.equal(await evaluate(code, "module"), true);
});

test("loading the package alone leaves nothing that keeps the process alive", async () => {
  // The program must end by itself. Otherwise the time limit of `evaluate` ends it.
  assert.equal(await evaluate(`require(${SPECIFIER}); console.log("true")`, "commonjs"), true);
});

test("the package says what Medusa reads: license, keywords, engines", OURS_ONLY, () => {
  const file = path.join(path.dirname(requireInstalled.resolve(UNDER_TEST)), "package.json");
  const manifest = JSON.parse(fs.readFileSync(file, "utf8"));
  assert.equal(manifest.name, "medusa-locking-redis");
  assert.equal(manifest.license, "MIT");
  assert.ok(manifest.keywords.includes("medusa-providers-locking"));
  assert.ok(manifest.types && fs.existsSync(path.join(path.dirname(file), manifest.types)), "no types");
});

test("shutdown is a method of the provider", OURS_ONLY, async () => {
  const code = `const loaded = require(${SPECIFIER}); const [Provider] = (loaded.default ?? loaded).services; console.log(JSON.stringify(typeof Provider.prototype.shutdown))`;
  assert.equal(await evaluate(code, "commonjs"), "function");
});
