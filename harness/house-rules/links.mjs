// What documents link to: files of the project, and headings in them.

import fs from "node:fs";
import path from "node:path";

const LINK = /!?\[[^\]]*\]\(([^)\s]+)\)/g;
const CODE = /^```.*?^```/gms;
const HEADING = /^#{1,6} (.+)$/gm;

/**
 * @param {string} root
 * @param {string[]} files all files, from the root
 * @returns {string[]} links of documents to files and headings that there are not
 */
export function linkBreaches(root, files) {
  const anchors = new Map();
  const anchorsOf = (file) => {
    if (!anchors.has(file)) anchors.set(file, headings(fs.readFileSync(path.join(root, file), "utf8")));
    return anchors.get(file);
  };
  return files
    .filter((file) => file.endsWith(".md"))
    .flatMap((file) => {
      const text = fs.readFileSync(path.join(root, file), "utf8").replace(CODE, "");
      return Array.from(text.matchAll(LINK), ([, target]) => target)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !leadsSomewhere(root, file, target, anchorsOf))
        .map((target) => `${file} links to ${target}, which is not there`);
    });
}

function leadsSomewhere(root, from, target, anchorsOf) {
  const [name, anchor] = target.split("#");
  const file = name === "" ? from : path.join(path.dirname(from), name);
  if (!fs.existsSync(path.join(root, file))) return false;
  return anchor === undefined || (file.endsWith(".md") && anchorsOf(file).has(anchor));
}

/** The anchors that GitHub gives to a document's headings. */
function headings(text) {
  const names = Array.from(text.replace(CODE, "").matchAll(HEADING), ([, name]) =>
    name
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set(names);
}
