// A reader can repeat every figure and every promise: its section shows a command that tests or measures it, or links to a section that
// does.

import fs from "node:fs";
import path from "node:path";
import { commands, linkTargets, sections, sectionWith, withoutBlocks } from "./documents.mjs";

const PAGE = /^(README\.md|docs\/[^/]+\.md)$/;
/** Commands that show a claim again. To install, or to look at locks, is no evidence. */
const EVIDENCE = new RegExp(
  [
    "^(?:[A-Z_]+=.*\\s)?(?:npm (?:test|start)\\b",
    "npm run (?:-s )?(?:test:all|bench|platforms|rehearse|check)\\b",
    "node (?:--test|scripts/|bench/)",
    "cargo (?:test|run) )",
  ].join("|"),
);

const NUMBER = /(?<![\w.-])\d[\d,]*(?:\.\d+)?/.source;
const UNIT = [
  "%",
  "(?:us|ms|s|minutes?|hours?)(?![\\w-])",
  "(?:KB|MB|GB)\\b",
  "times\\b",
  "(?:[\\w-]+ ){0,3}(?:a|per) second\\b",
  "(?:unique )?(?:steps|holds|states|rounds|runs|worlds|commands)\\b",
].join("|");
/** A number with a unit, or a number so large that somebody counted it. */
const FIGURE = new RegExp(`${NUMBER}(?: to ${NUMBER})? (?:${UNIT})|(?<![\\w.])\\d{1,3}(?:,\\d{3})+(?!\\w)|\\b\\w+ million\\b`);
/** A table of options. The code determines the contents of its cells. */
const OPTIONS = /^\| option .*(?:\n\|.*)*/gm;

/** Pages on which every section is a promise, with or without a figure. */
const PROMISES = new Set(["docs/GUARANTEES.md"]);

/**
 * Pages and sections whose figures are not measured, each with the reason.
 *
 * @type {Record<string, string>}
 */
export const NOT_MEASURED = {
  "docs/PROTOCOL.md": "times of the protocol, which are constants of the scripts and of lock-core",
  "docs/ARCHITECTURE.md": "the same times, on the way of a call",
};

/**
 * @param {string} root
 * @param {string[]} files all files, from the root
 * @param {Record<string, string>} [notMeasured] by page, or by page and heading: `docs/A.md#Heading`
 * @returns {string[]} figures and promises that nobody can repeat, and entries of `notMeasured` that are not needed
 */
export function claimBreaches(root, files, notMeasured = NOT_MEASURED) {
  const needed = new Set();
  const read = (file) => fs.readFileSync(path.join(root, file), "utf8");
  const isExcused = (file, heading) => {
    const excuse = [file, `${file}#${heading}`].find((place) => Object.hasOwn(notMeasured, place));
    if (excuse) needed.add(excuse);
    return excuse !== undefined;
  };
  const troubles = files
    .filter((file) => PAGE.test(file))
    .flatMap((file) =>
      sections(read(file)).flatMap(({ heading, text }) => {
        const place = heading === "" ? `${file}, at its beginning,` : `${file}, "${heading}",`;
        const rows = rowsWithoutTest(text).map((row) => `${place} has a row that names no test: ${row}`);
        const claim = PROMISES.has(file) && heading !== "" ? "a promise" : figureIn(text);
        if (!claim || showsEvidence(root, file, text, read) || isExcused(file, heading)) return rows;
        return [`${place} has ${claim} and no command that repeats it`, ...rows];
      }),
    );
  const unneeded = Object.keys(notMeasured).filter((place) => !needed.has(place));
  return troubles.concat(unneeded.map((place) => `${place} has no figure without a command; take it out of NOT_MEASURED`));
}

function figureIn(text) {
  const prose = withoutBlocks(text)
    .replace(OPTIONS, "")
    .replace(/`[^`\n]*`/g, "")
    .replace(/\]\([^)]*\)/g, "]");
  const found = FIGURE.exec(prose);
  return found && `the figure "${found[0]}"`;
}

const isEvidence = (text) => commands(text).some((command) => EVIDENCE.test(command));

function showsEvidence(root, file, text, read) {
  return isEvidence(text) || linkTargets(text).some((target) => leadsToEvidence(root, file, target, read));
}

function leadsToEvidence(root, from, target, read) {
  if (/^[a-z]+:/.test(target)) return false;
  const [name, anchor] = target.split("#");
  const file = name === "" ? from : path.join(path.dirname(from), name);
  if (!file.endsWith(".md") || !fs.existsSync(path.join(root, file))) return false;
  const text = anchor === undefined ? read(file) : sectionWith(read(file), anchor)?.text;
  return text !== undefined && isEvidence(text);
}

/** Rows that show no test, in tables whose last column is "shown by". */
function rowsWithoutTest(text) {
  const tables = withoutBlocks(text).matchAll(/^\|.*\| shown by \|\n\|[-| ]+\|\n((?:\|.*\n?)*)/gm);
  return Array.from(tables, ([, rows]) => rows.trim().split("\n"))
    .flat()
    .filter((row) => !/(`[^`]+`|no test of ours) \|$/.test(row))
    .map((row) => row.slice(2, 60));
}
