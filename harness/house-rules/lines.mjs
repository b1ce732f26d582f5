// The limits for the length of files and lines.

/** Longest file of code, in lines. */
export const MOST_LINES = 400;
/** Longest line, in characters. rustfmt (110) and biome (140) break code before this limit; comments and texts are broken by hand. */
export const MOST_COLUMNS = 150;

/** If one text makes a line longer than the limit, the rest of the line may have only so many characters. */
const MOST_AROUND_TEXT = 60;

/** Longer files, each with a reason that a split would not change. A file that is short again must leave this list. */
export const KNOWN_LONG_FILES = {
  "crates/lock-core/src/calls/mod.rs": "one object: the table of calls",
  "crates/lock-core/src/client/mod.rs": "one object's whole interface",
  "crates/lock-core/src/client/sending.rs": "one concern: what goes out",
  "crates/lock-core/src/connection/mod.rs": "one object: a connection",
};

/** Files and folders that still have longer lines. An entry without such lines must leave this list. */
export const KNOWN_LONG_LINES = [];

const CODE = /\.(rs|ts|tsx|mjs|js|cjs|lua)$/;

/**
 * @param {string} file the file's path from the root
 * @param {string} text
 * @returns {string[]} a line for each thing that is too long
 */
export function tooLong(file, text) {
  const lines = text.split("\n");
  const troubles = lines.flatMap((line, at) =>
    [...line].length > MOST_COLUMNS && !mayBeLong(file, line) ? [`${file}:${at + 1} is longer than ${MOST_COLUMNS} characters`] : [],
  );
  const isLong = lines.length - 1 > MOST_LINES;
  if (file in KNOWN_LONG_FILES && !isLong) troubles.push(`${file} is no longer than ${MOST_LINES} lines; take it out of KNOWN_LONG_FILES`);
  if (CODE.test(file) && isLong && !(file in KNOWN_LONG_FILES))
    troubles.push(`${file} has ${lines.length - 1} lines, more than ${MOST_LINES}`);
  return troubles;
}

/**
 * Whether a line may be longer. A table row cannot be broken, nor can an address. A text for the user stays in one piece, so that people
 * can search for it.
 */
function mayBeLong(file, line) {
  if (/https?:\/\/\S{100,}/.test(line)) return true;
  if (file.endsWith(".md")) return line.startsWith("|");
  if (/^\s*(\/\/|\/?\*|--|#)/.test(line)) return false;
  const texts = line.match(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`/g) ?? [];
  return line.length - Math.max(0, ...texts.map((text) => text.length)) <= MOST_AROUND_TEXT;
}
