import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../scripts/lib/paths.mjs";
import { run } from "../../scripts/lib/process.mjs";
import { INSTALLED } from "../support/installed.mjs";

const SOURCE = path.join(path.dirname(fileURLToPath(import.meta.url)), "consumer.ts");
const TSC = path.join(ROOT, "node_modules", ".bin", "tsc");

/** Compiles the consumer inside the project that has the packed tarballs, as a shop would. */
async function compile(module) {
  const folder = fs.mkdtempSync(path.join(INSTALLED, "types-"));
  try {
    fs.copyFileSync(SOURCE, path.join(folder, "consumer.ts"));
    fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "commonjs" }));
    const compilerOptions = {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      esModuleInterop: true,
      target: "ES2022",
      module,
      moduleResolution: module === "Node16" ? "Node16" : "Bundler",
      typeRoots: [path.join(ROOT, "node_modules", "@types")],
      types: ["node"],
    };
    fs.writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
    return await run(TSC, ["-p", "tsconfig.json"], { cwd: folder });
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

for (const module of ["Node16", "ESNext"]) {
  test(`a shop's TypeScript sees what the package adds to Medusa's types, with module ${module}`, async () => {
    const { code, stdout } = await compile(module);
    assert.equal(code, 0, stdout);
  });
}
