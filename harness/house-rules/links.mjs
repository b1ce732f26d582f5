// The targets of links in documents: files of the project, and headings in them.

import fs from "node:fs";
import path from "node:path";
import { anchors, linkTargets } from "./documents.mjs";

/**
 * @param {string} root
 * @param {string[]} files all files, from the root
 * @returns {string[]} links in documents to files and headings that do not exist
 */
export function linkBreaches(root, files) {
  const known = new Map();
  const anchorsOf = (file) => {
    if (!known.has(file)) known.set(file, anchors(fs.readFileSync(path.join(root, file), "utf8")));
    return known.get(file);
  };
  return files
    .filter((file) => file.endsWith(".md"))
    .flatMap((file) =>
      linkTargets(fs.readFileSync(path.join(root, file), "utf8"))
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !leadsSomewhere(root, file, target, anchorsOf))
        .map((target) => `${file} links to ${target}, which is not there`),
    );
}

function leadsSomewhere(root, from, target, anchorsOf) {
  const [name, anchor] = target.split("#");
  const file = name === "" ? from : path.join(path.dirname(from), name);
  if (!fs.existsSync(path.join(root, file))) return false;
  return anchor === undefined || (file.endsWith(".md") && anchorsOf(file).has(anchor));
}
