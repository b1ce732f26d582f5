// The documents in the published package link to files that exist in the repository, at the tag of the release.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { linkTargets } from "../../harness/house-rules/documents.mjs";
import { INSTALLED } from "../../harness/installed.mjs";
import { withAbsoluteLinks } from "../../harness/packaged-documents.mjs";
import { ROOT } from "../../harness/paths.mjs";

const MANIFEST = { repository: { url: "git+https://example.com/us/it.git" }, version: "1.2.3" };

test("links to files become links to the repository, and no others do", () => {
  const text = "[a](docs/A.md) [b](docs/A.md#one) ![c](docs/c.svg) [d](#here) [e](https://example.com/e) `[f](docs/F.md`\n";
  assert.equal(
    withAbsoluteLinks(text, MANIFEST),
    "[a](https://example.com/us/it/blob/v1.2.3/docs/A.md) [b](https://example.com/us/it/blob/v1.2.3/docs/A.md#one) " +
      "![c](https://example.com/us/it/raw/v1.2.3/docs/c.svg) [d](#here) [e](https://example.com/e) `[f](docs/F.md`\n",
  );
});

test("no link of a packed document leads to a file that is not in the package", () => {
  const installed = path.join(INSTALLED, "node_modules", "medusa-locking-redis");
  const documents = fs.readdirSync(installed).filter((name) => name.endsWith(".md"));
  assert.deepEqual(documents.sort(), ["CHANGELOG.md", "README.md"]);
  for (const name of documents) {
    const targets = linkTargets(fs.readFileSync(path.join(installed, name), "utf8"));
    const inRepository = targets.map((target) => /^https:\/\/github\.com\/[^/]+\/[^/]+\/(?:blob|raw)\/v[^/]+\/([^#]+)/.exec(target)?.[1]);
    assert.ok(inRepository.filter(Boolean).length > 5, `${name} links to the documents`);
    const gone = inRepository.filter((file) => file && !fs.existsSync(path.join(ROOT, file)));
    assert.deepEqual([...gone, ...targets.filter((target) => !/^(?:https:|#)/.test(target))], [], name);
  }
});
