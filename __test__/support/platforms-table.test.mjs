import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";
import { PLATFORMS } from "../../harness/platforms/index.mjs";
import { PLATFORMS_FILE, platformsDocument, tableOf } from "../../harness/platforms/table.mjs";

test("the published table has a row for each run of each platform of the lab, in the lab's order", () => {
  const titles = Object.values(PLATFORMS).flatMap(({ title, runs }) => runs.map(() => title));
  const rows = fs.readFileSync(PLATFORMS_FILE, "utf8").match(/^\| .* \|$/gm) ?? [];
  assert.deepEqual(
    rows.slice(2).map((row) => row.split(" | ")[0].replace("| ", "")),
    titles,
  );
});

test("a new table takes the place of the old one, and the text around it stays", () => {
  const rows = [{ platform: "Here", node: "Node.js", built: "yes", loaded: "yes", conformance: "1 of 1", date: "2026-01-01" }];
  const written = platformsDocument(rows);
  assert.ok(written.includes(`\n\n${tableOf(rows)}\n\n<!-- End of the table -->`));
  const around = (text) => [text.slice(0, text.indexOf("\n\nCommand: ")), text.slice(text.indexOf("<!-- End of the table -->"))];
  assert.deepEqual(around(written), around(fs.readFileSync(PLATFORMS_FILE, "utf8")));
});
