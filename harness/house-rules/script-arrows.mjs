// Finds which JavaScript and TypeScript files import which, types included.

import fs from "node:fs";
import path from "node:path";

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire(?:\.resolve)?\s*\(\s*)"([^"]*)"/g;

/**
 * @param {string} root the project
 * @param {string[]} files the files, from the root
 * @returns {import("./arrows.mjs").Arrows} the arrows among these files
 */
export function scriptArrows(root, files) {
  const known = new Set(files);
  return new Map(
    files.map((file) => {
      const near = namesIn(root, file).filter(isNear);
      const targets = near.map((name) => fileOf(path.posix.join(path.posix.dirname(file), name), known));
      return [file, new Set(targets.filter((target) => target !== undefined && target !== file))];
    }),
  );
}

/** @returns {string[]} the imports of a file that are no files of the project: packages and their parts, types included */
export function packagesOf(root, file) {
  return namesIn(root, file).filter((name) => !isNear(name));
}

function namesIn(root, file) {
  const text = fs.readFileSync(path.join(root, file), "utf8");
  return [...text.matchAll(IMPORT)].map(([, name]) => name);
}

function isNear(name) {
  return /^\.\.?\//.test(name);
}

function fileOf(name, known) {
  return [name, `${name}.ts`, `${name}.tsx`, `${name}/index.ts`, name.replace(/\.js$/, ".ts")].find((candidate) => known.has(candidate));
}
