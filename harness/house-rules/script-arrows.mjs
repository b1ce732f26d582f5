// Which JavaScript and TypeScript files import which, types included.

import fs from "node:fs";
import path from "node:path";

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)"(\.\.?\/[^"]*)"/g;

/**
 * @param {string} root the project
 * @param {string[]} files from the root
 * @returns {import("./arrows.mjs").Arrows} arrows among these files
 */
export function scriptArrows(root, files) {
  const known = new Set(files);
  return new Map(
    files.map((file) => {
      const text = fs.readFileSync(path.join(root, file), "utf8");
      const targets = [...text.matchAll(IMPORT)].map(([, name]) => fileOf(path.posix.join(path.posix.dirname(file), name), known));
      return [file, new Set(targets.filter((target) => target !== undefined && target !== file))];
    }),
  );
}

function fileOf(name, known) {
  return [name, `${name}.ts`, `${name}/index.ts`, name.replace(/\.js$/, ".ts")].find((candidate) => known.has(candidate));
}
