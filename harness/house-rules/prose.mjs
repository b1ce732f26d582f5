// Plain sentences in comments, documents and names of tests. A reader looks for a subject first: a sentence that begins with "what", "who" or "of"
// hides it.

import fs from "node:fs";
import path from "node:path";
import { withoutBlocks } from "./documents.mjs";

const CODE = /\.(rs|ts|tsx|mjs|js|cjs|lua)$/;
const COMMENT = /^\s*(?:\/\/[/!]?|--|\/\*\*?|\*(?!\/))\s?(.*?)(?:\*\/)?\s*$/;
/** A comment behind code. */
const BEHIND_CODE = /[;{},)]\s+(?:\/\/|--)\s+(.*)$/;
const HIDDEN_SUBJECT = /^(?:What|Who|Whoever|Whose|Whom|Of)\b/;
/** A question may begin so. */
const QUESTION = /\?["')*_`]*$/;

/** The name of a test: a text in JavaScript, a function in Rust. */
const TEST_NAME = /\btest\(\s*["'`]([^"'`]+)|#\[test\]\s+(?:#\[[^\]]*\]\s+)*fn (\w+)/g;

/** Places whose sentences are not all plain yet. One without such a sentence must leave this list. */
export const KNOWN_HIDDEN_SUBJECTS = [];

/**
 * @param {string} file its name, from the root
 * @param {string} text
 * @returns {string[]} sentences that hide their subject, a line each
 */
export function hiddenSubjects(file, text) {
  return sentences(file, text)
    .filter((sentence) => HIDDEN_SUBJECT.test(sentence) && !QUESTION.test(sentence))
    .map((sentence) => `${file}: begin with who does it: "${sentence.length > 90 ? `${sentence.slice(0, 90)}…` : sentence}"`);
}

function sentences(file, text) {
  if (!CODE.test(file) && !file.endsWith(".md")) return [];
  const blocks = CODE.test(file) ? [...comments(text), ...testNames(text)] : paragraphs(text);
  return blocks.flatMap((block) =>
    block
      .replaceAll(/\s+/g, " ")
      .split(/(?<=[.?!:])\s+/)
      .map((sentence) => sentence.trim()),
  );
}

/** Names of tests, each as a sentence. */
function testNames(text) {
  const names = Array.from(text.matchAll(TEST_NAME), ([, script, rust]) => script ?? rust.replaceAll("_", " "));
  return names.map((name) => `${name[0].toUpperCase()}${name.slice(1)}`);
}

/** Comments, each in one piece. */
function comments(text) {
  const blocks = [];
  let open = [];
  const close = () => {
    if (open.length > 0) blocks.push(open.join(" "));
    open = [];
  };
  for (const line of text.split("\n")) {
    const [, words] = line.match(COMMENT) ?? [];
    if (words === undefined) {
      close();
      const [, behind] = line.match(BEHIND_CODE) ?? [];
      if (behind) blocks.push(behind);
    } else if (words.trim() === "" || /^(?:@|[-*] |#)/.test(words)) {
      close();
      if (words.trim()) open.push(words.replace(/^(?:@\w+(?:\s+\{[^}]*\})?(?:\s+\[?[\w.]+\]?)?|[-*]|#+)\s*/, ""));
    } else {
      open.push(words);
    }
  }
  close();
  return blocks;
}

/** Paragraphs and points of lists; no headings, no tables, no code. */
function paragraphs(text) {
  return withoutBlocks(text)
    .split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )|\n(?=#)|\n(?=\|)/)
    .map((block) => block.trim())
    .filter((block) => !block.startsWith("#") && !block.startsWith("|"))
    .map((block) => block.replace(/^(?:[-*]|\d+\.) +/, "").replace(/^\*\*/, ""));
}

/**
 * @param {string} root
 * @param {string[]} files all files, from the root
 * @param {string[]} [known] places that are let pass
 * @returns {string[]} what {@link hiddenSubjects} finds, and known places that have none
 */
export function proseBreaches(root, files, known = KNOWN_HIDDEN_SUBJECTS) {
  const found = new Set();
  const troubles = files.flatMap((file) => {
    const broken = hiddenSubjects(file, fs.readFileSync(path.join(root, file), "utf8"));
    const place = known.find((name) => file === name || file.startsWith(`${name}/`));
    if (place && broken.length > 0) found.add(place);
    return place ? [] : broken;
  });
  const unneeded = known.filter((place) => !found.has(place)).map((place) => `${place} is plain; take it out of KNOWN_HIDDEN_SUBJECTS`);
  return troubles.concat(unneeded);
}
