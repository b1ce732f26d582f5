// A small project for the tests of the house rules.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";

/**
 * @param {import("node:test").TestContext} t the project is removed at the end of this test
 * @param {Record<string, string>} files text by path
 * @returns {string} its folder
 */
export function projectOf(t, files) {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-house-"));
  t.after(() => fs.rmSync(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }
  return root;
}
