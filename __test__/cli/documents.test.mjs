// docs/OPERATIONS.md has the same findings as the doctor.

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import { OPERATIONS_FILE, withFindings } from "../../harness/findings-document.mjs";
import { compiled } from "./support.mjs";

const { FINDINGS, finding } = compiled("inspect/doctor/findings.js");

test("docs/OPERATIONS.md has the findings of the package", () => {
  const text = fs.readFileSync(OPERATIONS_FILE, "utf8");
  assert.equal(withFindings(text, FINDINGS), text, "run node scripts/findings-table.mjs --write");
});

test("every finding that is not well says what to do", () => {
  for (const [id, { level, means, advice }] of Object.entries(FINDINGS)) {
    assert.match(id, /^[a-z0-9-]+$/);
    assert.match(means, /\.$/, id);
    if (level === "ok") assert.equal(advice, null, id);
    else assert.match(advice, /\.$/, id);
    assert.deepEqual(finding(id, "text"), { id, level, text: "text", advice, keys: [] });
  }
});
