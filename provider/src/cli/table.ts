// Texts in columns, for terminals.

/** Scripts whose characters take two columns. */
const WIDE_SCRIPTS = ["Han", "Hiragana", "Katakana", "Hangul", "Bopomofo", "Yi"].map((name) => `\\p{Script=${name}}`).join("");
/**
 * Other characters that take two columns: angle brackets, radicals and punctuation of CJK, characters of kana, vertical and small forms, fullwidth
 * forms.
 */
const WIDE_SIGNS = "\\u2329\\u232a\\u2e80-\\u303e\\u3041-\\u33ff\\ufe10-\\ufe19\\ufe30-\\ufe6f\\uff01-\\uff60\\uffe0-\\uffe6";
/** Halfwidth forms of kana and Hangul, and one space, take one column. */
const WIDE = new RegExp(`(?![\\u303f\\uff61-\\uffdc])[${WIDE_SCRIPTS}${WIDE_SIGNS}\\p{Emoji_Presentation}]`, "u");
/** Characters that take no column. */
const NARROW = /[\p{M}\p{Cf}]/u;

/** A column that is narrower than this is not readable. */
const LEAST_COLUMN = 6;
const GAP = "  ";

/** @internal How many columns of a terminal a text takes. */
export function columnsOf(text: string): number {
  return [...text].reduce((sum, character) => sum + (NARROW.test(character) ? 0 : WIDE.test(character) ? 2 : 1), 0);
}

/** @internal A text in at most so many columns; `…` marks the part that is cut off. */
export function fitted(text: string, width: number): string {
  if (columnsOf(text) <= width) {
    return text;
  }
  let kept = "";
  let taken = 1;
  for (const character of text) {
    taken += columnsOf(character);
    if (taken > width) {
      break;
    }
    kept += character;
  }
  return width < 1 ? "" : `${kept}…`;
}

/** @internal A column of a table. */
export interface Column {
  title: string;
  /** The column may be cut if the terminal is narrow. */
  isFlexible?: boolean;
  /** Numbers are aligned at the right. */
  isRight?: boolean;
}

/** @internal Rows as lines, no wider than `width`; undefined: as wide as the texts. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number | undefined): string[] {
  const all = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, at) => all.reduce((most, row) => Math.max(most, columnsOf(row[at] ?? "")), 0));
  if (width !== undefined) {
    shrink(widths, columns, width - GAP.length * (columns.length - 1));
  }
  return all.map((row) => {
    const cells = columns.map(({ isRight }, at) => {
      const text = fitted(row[at] ?? "", widths[at] ?? 0);
      const space = " ".repeat(Math.max(0, (widths[at] ?? 0) - columnsOf(text)));
      return isRight ? space + text : text + space;
    });
    const line = cells.join(GAP).trimEnd();
    return width === undefined ? line : fitted(line, width);
  });
}

/** Takes columns away from the widest flexible column until all columns fit. */
function shrink(widths: number[], columns: readonly Column[], room: number): void {
  const flexible = columns.flatMap(({ isFlexible }, at) => (isFlexible ? [at] : []));
  let excess = widths.reduce((sum, width) => sum + width, 0) - room;
  while (excess > 0) {
    const widest = flexible.reduce((best, at) => ((widths[at] ?? 0) > (widths[best] ?? 0) ? at : best), flexible[0] ?? 0);
    if ((widths[widest] ?? 0) <= LEAST_COLUMN) {
      return;
    }
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
}

/** Replaces a space at which a line must not be broken. */
const FIXED_SPACE = "\ue000";

/** @internal A text as lines of at most `width` columns. Lines are broken at spaces, but not within a command in quotes, which a reader copies. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.replace(/"(?:npx|ACL) [^"]*"/g, (command) => command.replaceAll(" ", FIXED_SPACE)).split(" ")) {
    if (line !== "" && columnsOf(line) + 1 + columnsOf(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((each) => each.replaceAll(FIXED_SPACE, " "));
}
