// If the addon cannot be loaded, the first line of the error names the reason. The tests use a real Node.js, with the flags and packages that
// cause this.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { INSTALLED, OURS } from "../../harness/installed.mjs";
import { CACHE } from "../../harness/paths.mjs";
import { HANG_GUARD_MS, OURS_ONLY } from "../support/testbed.mjs";

const run = promisify(execFile);

/** A project that contains only the packed package and the package of its platform. */
let project;
let own;
let platform;

before(() => {
  if (OURS !== "medusa-locking-redis" || OURS_ONLY.skip) return;
  project = fs.mkdtempSync(path.join(CACHE, "addon-"));
  // Without a manifest of its own, the project would belong to the work tree's package, and the package's name would mean the work tree.
  fs.writeFileSync(path.join(project, "package.json"), JSON.stringify({ name: "project", private: true }));
  const modules = path.join(INSTALLED, "node_modules");
  const name = fs.readdirSync(modules).find((entry) => entry.startsWith("medusa-locking-redis-"));
  [own, platform] = ["medusa-locking-redis", name].map((entry) => path.join(project, "node_modules", entry));
});

after(() => project && fs.rmSync(project, { recursive: true, force: true }));

/** Installs both packages anew, and lets `change` damage them. */
function install(change = () => {}) {
  fs.rmSync(path.join(project, "node_modules"), { recursive: true, force: true });
  for (const folder of [own, platform]) fs.cpSync(path.join(INSTALLED, "node_modules", path.basename(folder)), folder, { recursive: true });
  change();
}

/** The first line of the error from loading the addon, or "loaded". */
async function load(flags = [], env = {}) {
  const code = `
    try {
      require("medusa-locking-redis/provider/dist/client/native.js").loadNative();
      console.log("loaded");
    } catch (error) {
      console.log(error.message.split("\\n")[0]);
    }`;
  const options = { cwd: project, env: { ...process.env, ...env }, timeout: HANG_GUARD_MS };
  const { stdout } = await run(process.execPath, [...flags, "-e", code], options);
  return stdout.trim();
}

const NEEDS_PACKAGE = { ...OURS_ONLY, ...(OURS === "medusa-locking-redis" ? {} : { skip: "the package is not installed" }) };

const IN_LINE = new RegExp(`^medusa-locking-redis could not load its addon for ${process.platform}-${process.arch}: `);

test("both packages of one version load", NEEDS_PACKAGE, async () => {
  install();
  assert.equal(await load(), "loaded");
});

test("--no-addons is named, as a flag and in NODE_OPTIONS", NEEDS_PACKAGE, async () => {
  install();
  for (const said of [await load(["--no-addons"]), await load([], { NODE_OPTIONS: "--no-addons" })]) {
    assert.match(said, IN_LINE);
    assert.match(said, /switched off.*--no-addons/);
  }
});

test("the permission model without leave for addons is named", NEEDS_PACKAGE, async () => {
  install();
  const flag = process.allowedNodeEnvironmentFlags.has("--permission") ? "--permission" : "--experimental-permission";
  const said = await load([flag, "--allow-fs-read=*"]);
  assert.match(said, IN_LINE);
  assert.match(said, /permission model.*--allow-addons/);
  assert.equal(await load([flag, "--allow-fs-read=*", "--allow-addons"]), "loaded");
});

test("a platform package of another version is refused, and both versions are named", NEEDS_PACKAGE, async () => {
  install(() => {
    const file = path.join(platform, "package.json");
    fs.writeFileSync(file, JSON.stringify({ ...JSON.parse(fs.readFileSync(file, "utf8")), version: "9.8.7" }));
  });
  const { version } = JSON.parse(fs.readFileSync(path.join(own, "package.json"), "utf8"));
  const said = await load();
  assert.match(said, IN_LINE);
  assert.ok(said.includes(path.basename(platform)) && said.includes("9.8.7") && said.includes(version), said);
});

test("a missing platform package is told with what leaves it out", NEEDS_PACKAGE, async () => {
  install(() => fs.rmSync(platform, { recursive: true }));
  const said = await load();
  assert.match(said, IN_LINE);
  assert.match(said, /optional dependency.*--omit=optional/);
});

test("an addon that the system does not take is told with the system's own words", NEEDS_PACKAGE, async () => {
  install(() => fs.writeFileSync(addon(), "not an addon"));
  const said = await load();
  assert.match(said, IN_LINE);
  assert.match(said, new RegExp(path.basename(addon()).replaceAll(".", "\\.")));
});

const ON_GLIBC = process.report.getReport().header.glibcVersionRuntime ? NEEDS_PACKAGE : { skip: "only with glibc" };

test("a glibc that is too old is told with the version that is needed, and the one that is there", ON_GLIBC, async () => {
  install(() => {
    // The newest glibc version that the addon asks for becomes a version that no system has.
    const bytes = fs.readFileSync(addon());
    const text = bytes.toString("latin1");
    const versions = [...text.matchAll(/GLIBC_2\.\d\d(?=\0)/g)].map(({ 0: name, index }) => ({ name, index }));
    const { index } = versions.sort((one, other) => other.name.localeCompare(one.name))[0];
    bytes.write("GLIBC_2.99", index, "latin1");
    fs.writeFileSync(addon(), bytes);
  });
  const said = await load();
  const { glibcVersionRuntime } = process.report.getReport().header;
  assert.match(said, IN_LINE);
  assert.ok(said.includes("needs glibc 2.99") && said.includes(`has ${glibcVersionRuntime}`), said);
});

function addon() {
  return path.join(
    platform,
    fs.readdirSync(platform).find((name) => name.endsWith(".node")),
  );
}
