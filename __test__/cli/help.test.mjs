// The output of --help and --version.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { INSTALLED, requireInstalled } from "../../harness/installed.mjs";
import { cli } from "./support.mjs";

const COMMANDS = ["doctor", "list", "show", "watch", "top", "release", "run"];

test("--help, -h and help print the same text, which names every command and every common flag", async () => {
  const { code, stdout, stderr } = await cli(["--help"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^usage: medusa-locking-redis COMMAND \[FLAGS\]\n/);
  for (const name of COMMANDS) assert.match(stdout, new RegExp(`^ {2}${name}\\b.* {2}\\S`, "m"));
  for (const flag of ["url URL", "config FILE", "cluster", "namespace PREFIX", "json", "help", "version"])
    assert.match(stdout, new RegExp(`^ {2}--${flag} {2}`, "m"));
  assert.match(stdout, /LOCKING_REDIS_URL in\nthe environment keeps a password from them/);
  for (const same of ["-h", "help"]) assert.equal((await cli([same])).stdout, stdout);
});

for (const name of COMMANDS) {
  test(`${name} --help has usage, flags, exit codes and examples, and no line that a terminal breaks`, async () => {
    const { code, stdout } = await cli([name, "--help"]);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^usage: medusa-locking-redis ${name} \\[FLAGS\\]`));
    for (const part of ["flags of every command:", "exit codes:", "examples:"]) assert.match(stdout, new RegExp(`^${part}$`, "m"));
    for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
    assert.equal((await cli(["help", name])).stdout, stdout);
  });
}

test("--version prints the version of the package, before and behind a command", async () => {
  const { version } = requireInstalled("medusa-locking-redis/package.json");
  for (const args of [["--version"], ["list", "--version"]]) assert.equal((await cli(args)).stdout, `${version}\n`);
});

test("no command loads a package of Medusa, unless --config is given", async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-cli-"));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const guard = path.join(folder, "guard.cjs");
  fs.writeFileSync(
    guard,
    `const Module = require("node:module");
     const load = Module._load;
     Module._load = function (request, ...rest) {
       if (/medusajs/.test(request)) throw new Error("loads " + request);
       return load.call(this, request, ...rest);
     };`,
  );
  const env = { NODE_OPTIONS: `--require ${guard}` };
  for (const args of [["list"], ["doctor"], ["show", "k"], ["run", "--lock", "k"]]) {
    const program = args[0] === "run" ? ["--", "true"] : [];
    const { stdout, stderr } = await cli([...args, "--url", "redis://127.0.0.1:1", ...program], { env });
    assert.match(stdout + stderr, /ECONNREFUSED/);
  }
  const config = path.join(folder, "config.js");
  fs.writeFileSync(config, "module.exports = {}");
  fs.symlinkSync(path.join(INSTALLED, "node_modules"), path.join(folder, "node_modules"));
  assert.match((await cli(["list", "--config", config], { env })).stderr, /loads @medusajs/);
});
