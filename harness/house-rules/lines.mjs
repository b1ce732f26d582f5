// How long files and lines may be.

/** Longest file of code, in lines. */
export const MOST_LINES = 400;
/** Longest line, in characters. rustfmt (110) and biome (140) break code before; comments and texts are ours to break. */
export const MOST_COLUMNS = 150;

/** A line that is longer because of one text has no more than this beside it. */
const MOST_AROUND_TEXT = 60;

/** Longer files, each for a reason that a cut would not change. One that is short again must leave this list. */
export const KNOWN_LONG_FILES = {
  "crates/lock-core/src/calls/mod.rs": "one object: the table of calls",
  "crates/lock-core/src/client/mod.rs": "one object's whole interface",
  "crates/lock-core/src/client/sending.rs": "one concern: what goes out",
  "crates/lock-core/src/connection/mod.rs": "one object: a connection",
};

/** What has longer lines for now. A file or folder without one must leave this list. */
export const KNOWN_LONG_LINES = [];

const CODE = /\.(rs|ts|tsx|mjs|js|cjs|lua)$/;

/**
 * @param {string} file its name, from the root
 * @param {string} text
 * @returns {string[]} what is too long in it
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

/** A row of a table cannot be broken, nor can an address. A text for the user stays in one piece, so that it can be searched for. */
function mayBeLong(file, line) {
  if (/https?:\/\/\S{100,}/.test(line)) return true;
  if (file.endsWith(".md")) return line.startsWith("|");
  if (/^\s*(\/\/|\/?\*|--|#)/.test(line)) return false;
  const texts = line.match(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`/g) ?? [];
  return line.length - Math.max(0, ...texts.map((text) => text.length)) <= MOST_AROUND_TEXT;
}
