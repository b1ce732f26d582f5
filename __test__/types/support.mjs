// Compiling what a shop may write, inside a project that has the packed package.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../harness/paths.mjs";
import { run } from "../../harness/process.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const TSC = path.join(ROOT, "node_modules", "typescript", "bin", "tsc");

/** The files that a shop may have written, in this folder. */
export const SOURCES = ["consumer.ts", "doubles.ts", "options.ts", "standalone.ts"];

/**
 * Compiles them.
 *
 * @param {string} project a folder with node_modules
 * @param {"Node16" | "NodeNext" | "ESNext"} module the kind of modules to compile for
 * @returns {Promise<{ code: number, stdout: string }>} what the compiler says
 */
export async function compile(project, module) {
  const folder = fs.mkdtempSync(path.join(project, "types-"));
  try {
    for (const source of SOURCES) fs.copyFileSync(path.join(HERE, source), path.join(folder, source));
    fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "commonjs" }));
    const compilerOptions = {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      esModuleInterop: true,
      target: "ES2022",
      module,
      moduleResolution: module === "ESNext" ? "Bundler" : module,
      typeRoots: [path.join(ROOT, "node_modules", "@types")],
      types: ["node"],
    };
    fs.writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: SOURCES }));
    return await run(process.execPath, [TSC, "-p", "tsconfig.json"], { cwd: folder });
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}
