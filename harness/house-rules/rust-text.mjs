// Finds parts of a Rust file without a compiler: modules, `use` items and `impl` blocks.

/**
 * The same text with spaces in place of comments, of the contents of literals, and of the brackets of `pub(…)`. Every position stays the
 * same.
 */
export function blankOut(text) {
  return withoutLiterals(text).replace(/\bpub\s*\([^)]*\)/g, (shown) => `pub${" ".repeat(shown.length - 3)}`);
}

function withoutLiterals(text) {
  const blank = (found) => found.replace(/[^\n]/g, " ");
  const literal = /\/\/[^\n]*|\/\*|b?r(#*)"|b?"(?:\\[\s\S]|[^"\\])*"|b?'(?:\\[^\n]*?|[^'\\\n])'/g;
  let [out, at] = ["", 0];
  for (let found = literal.exec(text); found; found = literal.exec(text)) {
    let end = literal.lastIndex;
    if (found[0] === "/*") end = endOfComment(text, end);
    else if (found[0].endsWith('"') && /^b?r/.test(found[0])) {
      const close = text.indexOf(`"${found[1]}`, end);
      end = close < 0 ? text.length : close + 1 + found[1].length;
    }
    out += text.slice(at, found.index) + blank(text.slice(found.index, end));
    at = literal.lastIndex = end;
  }
  return out + text.slice(at);
}

/** Block comments may be nested. */
function endOfComment(text, from) {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = from;
  let depth = 1;
  for (let found = mark.exec(text); found; found = mark.exec(text)) {
    depth += found[0] === "/*" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return text.length;
}

/** The position after the brace that closes the brace at `open`. */
function closing(code, open) {
  const brace = /[{}]/g;
  brace.lastIndex = open;
  let depth = 0;
  for (let found = brace.exec(code); found; found = brace.exec(code)) {
    depth += found[0] === "{" ? 1 : -1;
    if (depth === 0) return brace.lastIndex;
  }
  return code.length;
}

/**
 * @param {string} code the code after `blankOut`
 * @returns {{ name: string, start: number, end: number }[]} modules whose body is in the file, outer ones first
 */
export function inlineModules(code) {
  return [...code.matchAll(/\bmod\s+(\w+)\s*\{/g)].map((found) => {
    const open = found.index + found[0].length - 1;
    return { name: found[1], start: open, end: closing(code, open) };
  });
}

/** @returns {{ name: string, at: number }[]} modules that have their own file */
export function fileModules(code) {
  return [...code.matchAll(/\bmod\s+(\w+)\s*;/g)].map((found) => ({ name: found[1], at: found.index }));
}

/**
 * @returns {{ path: string[], name: string, at: number, end: number, shown: boolean }[]} the imports, one entry per name. `name` is the
 *   name in this file, `*` for all; `shown`: the import is re-exported
 */
export function uses(code) {
  return [...code.matchAll(/\b(pub\s+)?use\s+([^;]+);/g)].flatMap((found) => {
    const end = found.index + found[0].length;
    return expand(found[2].trim(), []).map((entry) => ({ ...entry, at: found.index, end, shown: found[1] !== undefined }));
  });
}

/** `a::{b, c as d, self}` → one path each. */
function expand(tree, before) {
  const open = tree.indexOf("{");
  if (open < 0) {
    const [whole, alias] = tree.split(/\s+as\s+/);
    const parts = whole.split("::").map((part) => part.trim());
    const path = [...before, ...parts.filter((part) => part !== "")];
    if (path.at(-1) === "self" && path.length > 1) path.pop();
    return path.length === 0 ? [] : [{ path, name: alias?.trim() ?? path.at(-1) }];
  }
  const head = tree.slice(0, open).split("::");
  const path = [...before, ...head.map((part) => part.trim()).filter((part) => part !== "")];
  return branches(tree.slice(open + 1, tree.lastIndexOf("}"))).flatMap((branch) => expand(branch, path));
}

function branches(text) {
  const found = [];
  let [depth, start] = [0, 0];
  for (let at = 0; at <= text.length; at += 1) {
    if (text[at] === "{") depth += 1;
    if (text[at] === "}") depth -= 1;
    if (at === text.length || (text[at] === "," && depth === 0)) {
      found.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return found.filter((branch) => branch !== "");
}

/**
 * @returns {{ type: string, ofTrait: boolean, start: number, end: number, methods: string[] }[]} blocks of methods: the type's name, and
 *   the methods that they define
 */
export function implBlocks(code) {
  return [...code.matchAll(/^[ \t]*(?:unsafe\s+)?impl\b([^{;]*)\{/gm)].map((found) => {
    const open = found.index + found[0].length - 1;
    const end = closing(code, open);
    const head = found[1].replace(/\bwhere\b[\s\S]*/, "").split(/\bfor\b(?!\s*<)/);
    const type = withoutGenerics(head.at(-1)).trim().split("::").at(-1).replace(/\W/g, "");
    const methods = [...code.slice(open, end).matchAll(/\bfn\s+(\w+)/g)].map(([, name]) => name);
    return { type, ofTrait: head.length > 1, start: open, end, methods };
  });
}

function withoutGenerics(text) {
  let out = "";
  let depth = 0;
  for (const sign of text) {
    if (sign === "<") depth += 1;
    else if (sign === ">") depth -= 1;
    else if (depth === 0) out += sign;
  }
  return out;
}
