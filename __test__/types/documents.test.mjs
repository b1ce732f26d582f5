// What the documents show as a whole file of a shop compiles in one, as it stands.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { INSTALLED } from "../../harness/installed.mjs";
import { ROOT } from "../../harness/paths.mjs";
import { compile } from "./support.mjs";

const DOCUMENTS = ["README.md", "docs/OPERATIONS.md", "docs/TELEMETRY.md", "docs/MIGRATION.md", "examples/store/README.md"];
/** A file of TypeScript whose first line says where it stands. */
const FILE = /^```ts\n\/\/ (\S+\.ts)\n(.*?)^```$/gms;

/** What the shop of the README does under its lock. */
const WORK = `
export declare function charge(terms: { signal?: AbortSignal }): Promise<void>;
export declare function save(ids: string[], terms: { fences?: Readonly<Record<string, number | undefined>> }): Promise<number>;
`;

for (const document of DOCUMENTS) {
  const text = fs.readFileSync(path.join(ROOT, document), "utf8");
  const files = Object.fromEntries(Array.from(text.matchAll(FILE), ([, name, code]) => [name, code]));
  const names = Object.keys(files);
  if (names.length === 0) continue;
  test(`the files that ${document} shows compile: ${names.join(", ")}`, async () => {
    const { code, stdout } = await compile(INSTALLED, "Node16", { ...files, "src/workflows/steps/work.ts": WORK });
    assert.equal(code, 0, stdout);
  });
}
