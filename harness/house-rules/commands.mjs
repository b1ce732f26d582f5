// Readers can type all commands of the documents: the scripts, groups, files, tests, scenarios and subcommands in the commands exist.

import fs from "node:fs";
import path from "node:path";
import { commands } from "./documents.mjs";

/**
 * The names that commands know.
 *
 * @typedef {object} Known
 * @property {string[]} groups of `npm test`
 * @property {string[]} parts of `npm run test:all`
 * @property {string[]} platforms of `npm run platforms`
 * @property {string[]} scenarios of `npm run bench -- --only`
 * @property {string[]} phases of `node scripts/histories.mjs --only`
 */

/** By the beginning of a command: the kind of names that follow `--`, and the kind that follows `--only`. */
const WORDS = [
  ["npm test", { words: "groups" }],
  ["npm run test:all", { words: "parts" }],
  ["npm run platforms", { words: "platforms" }],
  ["npm run bench", { only: "scenarios" }],
  ["node scripts/histories.mjs", { only: "phases" }],
];

/**
 * @param {string} root
 * @param {string[]} files all files, from the root
 * @param {Known} known
 * @returns {string[]} commands in documents that name something that does not exist
 */
export function commandBreaches(root, files, known) {
  return files
    .filter((file) => file.endsWith(".md"))
    .flatMap((file) => {
      const text = fs.readFileSync(path.join(root, file), "utf8");
      return [...new Set(commands(text))]
        .flatMap((command) => command.split(/\s(?:\|\||&&|\|)\s/).map((part) => wordsOf(part)))
        .flatMap((words) => missing(root, file, words, known).map((what) => `${file} says "${words.join(" ")}": there is no ${what}`));
    });
}

/** The words of a command, without quotes and without the variables before it. */
function wordsOf(command) {
  const words = Array.from(command.matchAll(/(?:"[^"]*"|\$\([^)]*\)|[^\s"])+/g), ([word]) => word.replaceAll('"', ""));
  return words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word)));
}

function missing(root, file, words, known) {
  const [program, ...rest] = words;
  const found = [...unknownNames(words, known)];
  if (program === "npm") found.push(...npmScript(root, file, rest));
  if (program === "node") found.push(...nodeFiles(root, rest));
  if (program === "cargo") found.push(...cargoTargets(root, rest));
  if (program === "npx" && rest[0] === "medusa-locking-redis") found.push(...subcommand(root, rest[1]));
  return found;
}

function unknownNames(words, known) {
  const command = words.filter((word) => word !== "-s").join(" ");
  const [start, kinds] = WORDS.find(([beginning]) => command === beginning || command.startsWith(`${beginning} `)) ?? [];
  if (!start) return [];
  const behind = words.includes("--") ? words.slice(words.indexOf("--") + 1) : [];
  const only = words.includes("--only") ? words[words.indexOf("--only") + 1].split(",") : [];
  const asked = kinds.words ? behind.filter((word) => !word.startsWith("-")) : only;
  return asked.filter((name) => !known[kinds.words ?? kinds.only].includes(name)).map((name) => `${kinds.words ?? kinds.only} "${name}"`);
}

/** Reports a script that neither the project nor the package in the document's folder has. */
function npmScript(root, file, words) {
  const name = words[0] === "run" ? words.slice(1).find((word) => !word.startsWith("-")) : words[0];
  if (words[0] !== "run" && name !== "start" && name !== "test") return [];
  const manifests = [root, path.join(root, path.dirname(file))].map((folder) => path.join(folder, "package.json"));
  const scripts = manifests
    .filter((manifest) => fs.existsSync(manifest))
    .map((manifest) => JSON.parse(fs.readFileSync(manifest, "utf8")).scripts);
  return scripts.some((all) => all && name in all) ? [] : [`script "${name}"`];
}

/** Reports files that Node.js shall run but that do not exist, and a test pattern that fits no test in the files. */
function nodeFiles(root, words) {
  const asked = words.filter((word) => /^[\w.][\w./*-]*\.m?js$/.test(word));
  const files = asked.map((name) => [name, filesNamed(root, name)]);
  const gone = files.filter(([, found]) => found.length === 0).map(([name]) => `file ${name}`);
  const pattern = words.find((word) => word.startsWith("--test-name-pattern="))?.split("=")[1];
  if (pattern === undefined || gone.length > 0) return gone;
  const texts = files.flatMap(([, found]) => found).map((name) => fs.readFileSync(path.join(root, name), "utf8"));
  return texts.some((text) => new RegExp(`test\\(\\s*["\`].*${pattern}`).test(text)) ? [] : [`test "${pattern}"`];
}

/** The file of this name, or the files of its folder that match a `*` in it. */
function filesNamed(root, name) {
  const folder = path.dirname(name);
  if (!fs.existsSync(path.join(root, folder))) return [];
  const [before, behind] = path.basename(name).split("*");
  const fits = (one) => (behind === undefined ? one === before : one.startsWith(before) && one.endsWith(behind));
  return fs
    .readdirSync(path.join(root, folder))
    .filter(fits)
    .map((one) => path.join(folder, one));
}

/** Reports a crate that does not exist, and test files that a crate does not have. */
function cargoTargets(root, words) {
  const crate = words.find((_, at) => ["-p", "--package"].includes(words[at - 1]));
  if (crate === undefined) return [];
  const folder = path.join(root, "crates", crate);
  if (!fs.existsSync(folder)) return [`crate ${crate}`];
  return words
    .filter((_, at) => words[at - 1] === "--test")
    .filter((test) => !fs.existsSync(path.join(folder, "tests", `${test}.rs`)))
    .map((test) => `test ${test} in ${crate}`);
}

function subcommand(root, name) {
  const specs = path.join(root, "provider", "src", "cli", "specs.ts");
  if (name === undefined || name.startsWith("-")) return [];
  return new RegExp(`name: "${name}"`).test(fs.readFileSync(specs, "utf8")) ? [] : [`subcommand "${name}"`];
}
