// Compiles code that a shop may write, inside a project that has the packed package.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../harness/paths.mjs";
import { run } from "../../harness/process.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const TSC = path.join(ROOT, "node_modules", "typescript", "bin", "tsc");

/** The files of this folder that a shop may have written. */
export const SOURCES = ["consumer.ts", "doubles.ts", "options.ts", "standalone.ts"];

const sourcesOfShop = () => Object.fromEntries(SOURCES.map((name) => [name, fs.readFileSync(path.join(HERE, name), "utf8")]));

/**
 * Compiles code that a shop may have written.
 *
 * @param {string} project a folder with node_modules
 * @param {"Node16" | "NodeNext" | "ESNext"} module the kind of modules to compile for
 * @param {Record<string, string>} [files] text by path; default: `SOURCES`
 * @returns {Promise<{ code: number, stdout: string }>} the exit code and the output of the compiler
 */
export async function compile(project, module, files = sourcesOfShop()) {
  const folder = fs.mkdtempSync(path.join(project, "types-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), text);
    }
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
    fs.writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: Object.keys(files) }));
    return await run(process.execPath, [TSC, "-p", "tsconfig.json"], { cwd: folder });
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}
