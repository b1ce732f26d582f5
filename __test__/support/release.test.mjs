import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import { legalFiles } from "../../harness/legal.mjs";
import { agreedVersion, platformPackages, readManifest, stagePlatform } from "../../harness/packages.mjs";
import { ROOT } from "../../harness/paths.mjs";
import { run } from "../../harness/process.mjs";

const WORKFLOW = fs.readFileSync(path.join(ROOT, ".github", "workflows", "release.yml"), "utf8");
const publish = (...args) => run(process.execPath, [path.join(ROOT, "scripts", "publish.mjs"), ...args]);

test("all places name the same version, and a tag must name it, too", () => {
  const { version } = readManifest(ROOT);
  assert.equal(agreedVersion(), version);
  assert.equal(agreedVersion(`v${version}`), version);
  assert.throws(() => agreedVersion("v99.0.0"), { name: "UserError", message: /99\.0\.0 in the tag/ });
});

test("the workflow publishes by the script that a rehearsal uses, and by nothing else", () => {
  const job = WORKFLOW.slice(WORKFLOW.indexOf("\n  publish:"));
  const commands = [...job.matchAll(/^ *- run: (.*)$/gm)].map(([, command]) => command);
  assert.equal(commands.at(-1), 'node scripts/publish.mjs --addons artifacts --tag "$GITHUB_REF_NAME"');
  assert.doesNotMatch(WORKFLOW, /npm publish|napi prepublish/);
  assert.match(fs.readFileSync(path.join(ROOT, "scripts", "rehearse.mjs"), "utf8"), /"scripts", "publish\.mjs"/);
});

test("the workflow builds an addon for each platform that has a package", () => {
  const job = WORKFLOW.slice(WORKFLOW.indexOf("\n  build:"), WORKFLOW.indexOf("\n  load:"));
  const built = [...job.matchAll(/target: ([\w-]+), os:/g)].map(([, target]) => target).sort();
  assert.deepEqual(built, readManifest(ROOT).napi.targets.toSorted());
  assert.equal(built.length, platformPackages().length);
});

test("an addon that needs a newer glibc, or shows a path of its machine, is not published", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-addons-"));
  const good = "\x7fELF GLIBC_2.2.5 GLIBC_2.17 crates/memchr/src/lib.rs";
  for (const { manifest } of platformPackages()) fs.writeFileSync(path.join(folder, manifest.main), good);
  const spoil = async (name, text) => {
    fs.writeFileSync(path.join(folder, name), text);
    const { code, stderr } = await publish("--addons", folder, "--check");
    fs.writeFileSync(path.join(folder, name), good);
    assert.equal(code, 1);
    return stderr;
  };
  const name = "medusa-locking-redis.linux-x64-gnu.node";
  assert.match(await spoil(name, `${good} GLIBC_2.34`), /linux-x64-gnu\.node needs glibc 2\.34, more than 2\.17/);
  for (const place of ["/root/.cargo/registry/src/memchr/lib.rs", "/home/runner/work/src/lib.rs", "C:\\Users\\runner\\lib.rs"]) {
    assert.match(await spoil(name, `${good} ${place}`), /has a path of the machine that built it in it/);
  }
  fs.rmSync(folder, { recursive: true });
});

test("every addon is loaded on its platform before anything is published", async () => {
  const job = WORKFLOW.slice(WORKFLOW.indexOf("\n  load:"), WORKFLOW.indexOf("\n  publish:"));
  const loaded = [...job.matchAll(/target: ([\w-]+), os:/g)].map(([, target]) => target).sort();
  assert.deepEqual(loaded, readManifest(ROOT).napi.targets.toSorted());
  assert.match(WORKFLOW, /\n {2}publish:\n {4}needs: load\n/);
  const { code, stdout } = await run(process.execPath, [path.join(ROOT, "scripts", "load-addon.mjs"), ROOT]);
  assert.equal(code, 0);
  assert.match(stdout, /\.node: loaded on /);
});

test("a platform's package has the licences of all that is in its binary, and a list of it", async () => {
  const legal = await legalFiles("1.2.3");
  const { components } = JSON.parse(legal["sbom.cdx.json"]);
  const names = components.map(({ name }) => name);
  for (const name of ["napi", "rustls", "ring", "tokio", "serde_json"]) assert.ok(names.includes(name), name);
  assert.ok(!names.includes("loom"), "what only tests use is not in it");
  for (const name of names) assert.ok(legal["THIRD-PARTY-NOTICES.md"].includes(`| ${name} |`), name);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-package-"));
  stagePlatform(platformPackages()[0], Buffer.from(""), folder, legal);
  const { stdout } = await run("npm", ["pack", "--json", "--dry-run", "--loglevel=error"], { cwd: folder });
  const packed = JSON.parse(stdout)[0].files.map(({ path: file }) => file);
  for (const name of ["LICENSE", "THIRD-PARTY-NOTICES.md", "sbom.cdx.json"]) assert.ok(packed.includes(name), name);
  fs.rmSync(folder, { recursive: true });
});

test("workflows use other people's actions by the hash of a commit", () => {
  const folder = path.join(ROOT, ".github", "workflows");
  for (const name of fs.readdirSync(folder)) {
    const text = fs.readFileSync(path.join(folder, name), "utf8");
    for (const [line, action] of text.matchAll(/^ *(?:- )?uses: (\S+).*$/gm)) {
      if (!action.startsWith("./")) assert.match(line, /@[0-9a-f]{40} # v[\d.]+$/, `${name}: ${line}`);
    }
  }
});

test("nothing is published when an addon is missing", async () => {
  const { code, stderr } = await publish("--addons", path.join(ROOT, "docs"), "--check");
  assert.equal(code, 1);
  assert.match(stderr, /^error: these addons are missing: medusa-locking-redis\.darwin-arm64\.node, /);
});

test("stand-ins for addons are refused for a registry that is not on this machine", async () => {
  for (const registry of [[], ["--registry", "https://registry.npmjs.org"], ["--registry", "http://127.0.0.1.example.com/"]]) {
    const { code, stderr } = await publish("--addons", path.join(ROOT, "docs"), "--stand-ins", ...registry);
    assert.equal(code, 1);
    assert.match(stderr, /^error: --stand-ins is for a --registry on this machine only\n$/);
  }
});
