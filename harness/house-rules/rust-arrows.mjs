// Finds which files of a crate use which. A re-exported name is followed to the file that defines it, so a folder's `mod.rs` may re-export
// names of its files without being the end of an arrow. A method of a type counts for the file of its block: if `impl` blocks of one type
// in several files call each other, they are a circle, although no `use` shows it.

import fs from "node:fs";
import path from "node:path";
import { blankOut, fileModules, implBlocks, inlineModules, uses } from "./rust-text.mjs";

/**
 * @param {string} root the project
 * @param {string} folder the crate's `src`, from the root
 * @returns {import("./arrows.mjs").Arrows} the arrows among its files
 * @throws {Error} for a module without a file
 */
export function rustArrows(root, folder) {
  const crate = { root, modules: new Map(), files: new Map() };
  for (const name of ["lib.rs", "main.rs"]) {
    const file = `${folder}/${name}`;
    // A program beside a library is a separate crate, for which the library is another crate.
    if (fs.existsSync(path.join(root, file))) readModule(crate, file, `${name}::`, folder);
  }
  const arrows = new Map([...crate.files.keys()].map((file) => [file, new Set()]));
  const add = (from, to) => to !== undefined && to !== from && arrows.get(from).add(to);
  for (const [file, seen] of crate.files) {
    for (const use of seen.uses) if (!isShownOn(crate, seen, use)) add(file, target(crate, moduleAt(seen, use.at), use.path));
    for (const found of seen.code.matchAll(/\b(?:\w+::)+\w+/g)) {
      if (seen.uses.some(({ at, end }) => at <= found.index && found.index < end)) continue;
      add(file, target(crate, moduleAt(seen, found.index), found[0].split("::")));
    }
  }
  for (const [from, to] of methodArrows(crate)) add(from, to);
  return arrows;
}

/** Reads a file and the files of its modules. A module's id is its path, for example `lib.rs::lane::engine`. */
function readModule(crate, file, id, childFolder) {
  const code = blankOut(fs.readFileSync(path.join(crate.root, file), "utf8"));
  const inline = inlineModules(code);
  const seen = { file, id, code, inline, uses: uses(code), impls: implBlocks(code) };
  crate.files.set(file, seen);
  crate.modules.set(id, { file, names: new Map() });
  for (const { name, start } of inline) crate.modules.set(`${moduleAt(seen, start - 1)}${name}::`, { file, names: new Map() });
  for (const use of seen.uses) crate.modules.get(moduleAt(seen, use.at)).names.set(use.name === "*" ? `* ${use.at}` : use.name, use.path);
  for (const { name, at } of fileModules(code)) {
    const parent = moduleAt(seen, at);
    if (parent !== id) throw new Error(`${file}: the module ${name} is declared inside of another one`);
    const found = [`${childFolder}/${name}.rs`, `${childFolder}/${name}/mod.rs`].find((at) => fs.existsSync(path.join(crate.root, at)));
    if (!found) throw new Error(`${file}: there is no file for the module ${name}`);
    readModule(crate, found, `${id}${name}::`, `${childFolder}/${name}`);
  }
}

/** The id of the module that contains a position. */
function moduleAt(seen, at) {
  const around = seen.inline.filter(({ start, end }) => start < at && at < end);
  return around.reduce((id, { name }) => `${id}${name}::`, seen.id);
}

/** The file that defines the target of a path; `undefined` for another crate's. */
function target(crate, from, [first, ...rest], depth = 0) {
  if (depth > 20) return undefined;
  if (first === "crate") return walk(crate, `${from.split("::")[0]}::`, rest, depth);
  if (first === "self") return walk(crate, from, rest, depth);
  if (first === "super") return walk(crate, parentOf(from), rest, depth);
  if (crate.modules.has(`${from}${first}::`) || crate.modules.get(from).names.has(first)) return walk(crate, from, [first, ...rest], depth);
  return undefined;
}

function walk(crate, from, parts, depth) {
  let module = from;
  for (const [at, part] of parts.entries()) {
    if (part === "super") module = parentOf(module);
    else if (crate.modules.has(`${module}${part}::`)) module = `${module}${part}::`;
    else {
      const shown = crate.modules.get(module).names.get(part);
      if (shown) return target(crate, module, [...shown, ...parts.slice(at + 1)], depth + 1);
      break;
    }
  }
  return crate.modules.get(module).file;
}

function parentOf(id) {
  return id.replace(/\w+::$/, "");
}

/** Whether a `use` only re-exports a name of a module below, and the module does not use that name itself. */
function isShownOn(crate, seen, use) {
  const file = target(crate, moduleAt(seen, use.at), use.path);
  const below = path.posix.basename(seen.file).match(/^(lib|main|mod)\.rs$/)
    ? path.posix.dirname(seen.file)
    : seen.file.replace(/\.rs$/, "");
  if (!use.shown || !file?.startsWith(`${below}/`)) return false;
  if (use.name === "*") return true;
  const named = [...seen.code.matchAll(new RegExp(`\\b${use.name}\\b`, "g"))];
  return named.every(({ index }) => seen.uses.some(({ at, end }) => at <= index && index < end));
}

/** Arrows for `self.method()` in a block of a type, if a block of the same type in another file defines the method. */
function methodArrows(crate) {
  const blocks = [...crate.files.values()].flatMap((seen) =>
    seen.impls.map((block) => ({ ...block, seen, home: target(crate, moduleAt(seen, block.start), [block.type]) ?? seen.file })),
  );
  const definitions = new Map();
  for (const { type, home, ofTrait, methods, seen } of blocks) {
    if (!ofTrait) for (const method of methods) definitions.set(`${home} ${type} ${method}`, seen.file);
  }
  return blocks.flatMap(({ type, home, seen, start, end }) =>
    [...seen.code.slice(start, end).matchAll(/\bself\s*\.\s*(\w+)\s*\(|\bSelf::(\w+)/g)]
      .map(([, called, named]) => definitions.get(`${home} ${type} ${called ?? named}`))
      .filter((file) => file !== undefined)
      .map((file) => [seen.file, file]),
  );
}
