// House rules that no linter knows: the length of files and lines, unsafe code in its one folder, no circle of files, and arrows between
// rooms in the directions of the plan only, packages that are imported in one folder only, links that lead somewhere, figures and promises
// with a command, commands that can be typed, and nothing committed that a program left behind.

import fs from "node:fs";
import path from "node:path";
import { runOrFail } from "../process.mjs";
import { arrowsUpwards, circles } from "./arrows.mjs";
import { claimBreaches } from "./claims.mjs";
import { commandBreaches } from "./commands.mjs";
import { KNOWN_LONG_LINES, tooLong } from "./lines.mjs";
import { linkBreaches } from "./links.mjs";
import { proseBreaches } from "./prose.mjs";
import { CONFINED_PACKAGES, KNOWN_CIRCLES, PARTS } from "./rooms.mjs";
import { rustArrows } from "./rust-arrows.mjs";
import { packagesOf, scriptArrows } from "./script-arrows.mjs";

const WRITTEN = /\.(rs|ts|tsx|mjs|js|cjs|lua|md|yml|toml)$|^\.ci\/run$/;
const SCRIPT = /\.(ts|tsx|mjs|js|cjs)$/;

/**
 * @param {string} root the root of a project with git
 * @param {import("./commands.mjs").Known} known the names that the project's commands know
 * @returns {Promise<string[]>} every breach of the rules, a line each
 */
export async function breaches(root, known) {
  const { stdout } = await runOrFail("listing files", "git", ["ls-files"], { cwd: root });
  const files = stdout.split("\n").filter((file) => file && fs.existsSync(path.join(root, file)));
  return [
    ...linesAndUnsafe(root, files),
    ...arrowBreaches(root, files),
    ...packageBreaches(root, files),
    ...linkBreaches(root, files),
    ...proseBreaches(root, files),
    ...claimBreaches(root, files),
    ...commandBreaches(root, files, known),
    ...(await leftOverBreaches(root)),
  ];
}

/**
 * @param {string} root the root of a project with git
 * @returns {Promise<string[]>} files that are committed although .gitignore names them: a program wrote them
 */
export async function leftOverBreaches(root) {
  const { stdout } = await runOrFail("listing ignored files", "git", ["ls-files", "--cached", "--ignored", "--exclude-standard"], {
    cwd: root,
  });
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((file) => `${file} is committed although .gitignore names it`);
}

function linesAndUnsafe(root, files) {
  const troubles = [];
  const long = new Set();
  for (const file of files.filter((name) => WRITTEN.test(name))) {
    const text = fs.readFileSync(path.join(root, file), "utf8");
    const found = tooLong(file, text);
    const known = KNOWN_LONG_LINES.find((place) => isIn(file, place));
    if (known && found.length > 0) long.add(known);
    troubles.push(...found.filter((trouble) => !known || !trouble.includes("characters")));
    if (file.endsWith(".rs") && !file.startsWith("src/sys/") && /\bunsafe\s*(\{|fn|impl|extern)/.test(text)) {
      troubles.push(`${file} has unsafe code outside src/sys`);
    }
  }
  return troubles.concat(unneeded(KNOWN_LONG_LINES, long, "has no long line; take it out of KNOWN_LONG_LINES"));
}

/**
 * @param {string} root
 * @param {string[]} files all files, from the root
 * @param {import("./rooms.mjs").Part[]} [parts]
 * @param {string[]} [knownCircles] folders whose circles are accepted
 * @returns {string[]} circles, arrows upwards, and entries of `knownCircles` without a circle
 */
export function arrowBreaches(root, files, parts = PARTS, knownCircles = KNOWN_CIRCLES) {
  const tied = new Set();
  const troubles = parts.flatMap(({ folder, language, rooms }) => {
    const scripts = () => files.filter((file) => SCRIPT.test(file) && isIn(file, folder));
    const arrows = language === "rust" ? rustArrows(root, folder) : scriptArrows(root, scripts());
    const unknown = circles(arrows).filter((way) => {
      const known = knownCircles.find((place) => way.every((file) => isIn(file, place)));
      if (known) tied.add(known);
      return !known;
    });
    return [...unknown.map((way) => `circle of files: ${way.join(" -> ")}`), ...(rooms ? arrowsUpwards(arrows, folder, rooms) : [])];
  });
  return troubles.concat(unneeded(knownCircles, tied, "has no circle; take it out of KNOWN_CIRCLES"));
}

/**
 * @param {string} root
 * @param {string[]} files all files, from the root
 * @param {typeof CONFINED_PACKAGES} [confined]
 * @returns {string[]} imports of a package outside of the folder that may import it
 */
export function packageBreaches(root, files, confined = CONFINED_PACKAGES) {
  return confined.flatMap(({ scope, within, only }) =>
    files
      .filter((file) => SCRIPT.test(file) && isIn(file, within) && !isIn(file, only))
      .flatMap((file) => packagesOf(root, file).map((name) => [file, name]))
      .filter(([, name]) => name.startsWith(scope))
      .map(([file, name]) => `${file} imports ${name}: only ${only} may`),
  );
}

function unneeded(places, needed, why) {
  return places.filter((place) => !needed.has(place)).map((place) => `${place} ${why}`);
}

function isIn(file, place) {
  return place === "" || file === place || file.startsWith(`${place}/`);
}
