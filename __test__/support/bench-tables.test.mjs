import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import { ROOT } from "../../harness/paths.mjs";
import { run } from "../../harness/process.mjs";

const check = (root) => run(process.execPath, [path.join(root, "scripts", "bench-publish.mjs"), "--check"]);

/** Copies the pages, and everything that they are made from, into a folder of its own. */
function copyOfProject(t) {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-bench-"));
  t.after(() => fs.rmSync(root, { recursive: true }));
  for (const name of ["README.md", "package.json", "docs", "scripts", "harness", "bench/src", "bench/results"]) {
    fs.cpSync(path.join(ROOT, name), path.join(root, name), { recursive: true });
  }
  return root;
}

test("the published tables and charts are those of the kept runs", async () => {
  const { code, stderr } = await check(ROOT);
  assert.equal(stderr, "");
  assert.equal(code, 0);
});

for (const file of ["README.md", "docs/BENCHMARKS.md", "docs/pictures/bench-overview.svg"]) {
  test(`a figure in ${file} that no kept run has is told`, async (t) => {
    const root = copyOfProject(t);
    const published = fs.readFileSync(path.join(root, file), "utf8");
    const from = file === "README.md" ? published.indexOf("## Benchmark") : 0;
    // Changes a digit of the first figure that has a separator of thousands.
    const forged =
      published.slice(0, from) + published.slice(from).replace(/\d,(\d)\d\d/, (figure, digit) => `${figure[0]},${9 - digit}77`);
    assert.notEqual(forged, published);
    fs.writeFileSync(path.join(root, file), forged);
    const { code, stderr } = await check(root);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^error: not as the kept runs make it: ${file}; run npm run bench:publish\n$`));
  });
}

test("a newer run of a scenario takes the place of the older one, whatever their names", async (t) => {
  const root = copyOfProject(t);
  const results = path.join(root, "bench", "results");
  const read = (file) => JSON.parse(fs.readFileSync(path.join(results, file), "utf8"));
  const older = read("0.1.0-peers.json");
  const newer = path.join(root, "run.json");
  fs.writeFileSync(newer, JSON.stringify({ ...older, scenarios: { "peers-one": older.scenarios["peers-one"] } }));
  const args = [path.join(root, "scripts", "bench-publish.mjs"), "--store", newer, "--name", "again"];
  const { code, stderr } = await run(process.execPath, args);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.deepEqual(Object.keys(read("0.1.0-again.json").scenarios), ["peers-one"]);
  const { "peers-one": gone, ...left } = older.scenarios;
  assert.ok(gone);
  assert.deepEqual(read("0.1.0-peers.json").scenarios, left);
});
