import assert from "node:assert/strict";
import test from "node:test";
import { INSTALLED } from "../../harness/installed.mjs";
import { compile } from "./support.mjs";

for (const module of ["Node16", "NodeNext", "ESNext"]) {
  test(`a shop's TypeScript sees what the package adds to Medusa's types, and its own goes on compiling, with module ${module}`, async () => {
    const { code, stdout } = await compile(INSTALLED, module);
    assert.equal(code, 0, stdout);
  });
}
