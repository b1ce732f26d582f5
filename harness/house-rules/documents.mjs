// Documents as the rules see them: headings, sections, links, and commands.

const FENCE = /^```.*?^```/gms;
const FENCED = /^```[^\n]*\n(.*?)^```/gms;
const INLINE = /`([^`\n]+)`/g;
const HEADING = /^#{1,6} (.+)$/gm;
const LINK = /!?\[[^\]]*\]\(([^)\s]+)\)/g;
/** A command for a shell: a program of Node.js or of cargo, perhaps with variables of its environment before it. */
const COMMAND = /^(?:[A-Z_]+=(?:"[^"]*"|\$\([^)]*\)|\S*)\s+)*(?:npm|node|npx|cargo)\s/;

/** @returns {string} the text without blocks of code */
export const withoutBlocks = (text) => text.replace(FENCE, "");

/** @returns {string[]} targets of links outside of blocks of code */
export const linkTargets = (text) => Array.from(withoutBlocks(text).matchAll(LINK), ([, target]) => target);

/** @returns {string} GitHub's anchor for a heading */
function anchorOf(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** @returns {Set<string>} the anchors of a document's headings */
export const anchors = (text) => new Set(Array.from(withoutBlocks(text).matchAll(HEADING), ([, name]) => anchorOf(name)));

/**
 * @typedef {object} Section
 * @property {string} heading "" for the text before the first heading
 * @property {string} text with its blocks of code, and with the sections below it
 */

/**
 * The sections of a document. A section begins with a `##` and ends before the next one, so it includes all deeper headings.
 *
 * @param {string} text
 * @returns {Section[]}
 */
export function sections(text) {
  // Lines in blocks of code may also begin with ##.
  const marks = text.replace(FENCE, (block) => block.replace(/[^\n]/g, " "));
  const starts = Array.from(marks.matchAll(/^## (.+)$/gm), ({ index, 1: heading }) => ({ index, heading }));
  const first = { index: 0, heading: "" };
  return [first, ...starts].map(({ index, heading }, at, all) => ({ heading, text: text.slice(index, all[at + 1]?.index) }));
}

/** @returns {Section | undefined} the section that contains the heading with this anchor */
export const sectionWith = (text, anchor) =>
  sections(text).find((section) => anchorOf(section.heading) === anchor || anchors(section.text).has(anchor));

/**
 * @param {string} text
 * @returns {string[]} the commands of the document: lines of blocks without a language, and whole code spans in a line
 */
export function commands(text) {
  const lines = Array.from(text.matchAll(FENCED), ([, block]) => block.split("\n")).flat();
  const pieces = Array.from(withoutBlocks(text).matchAll(INLINE), ([, piece]) => piece);
  return [...lines.map((line) => line.replace(/\s+#\s.*$/, "")), ...pieces].map((line) => line.trim()).filter((line) => COMMAND.test(line));
}
