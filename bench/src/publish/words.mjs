// The texts of figures on the published pages.

/** The name of each contestant. */
export const NAMES = {
  ours: "medusa-locking-redis",
  official: "@medusajs/locking-redis",
  postgres: "@medusajs/locking-postgres",
  "redis-semaphore": "redis-semaphore",
  redlock: "@sesamecare-oss/redlock",
  "redlock-universal": "redlock-universal",
  glide: "by hand over valkey-glide",
  bare: "bare ioredis (no lock)",
  floor: "compiled floor (no lock)",
};

/** The order of the rows. */
export const ORDER = Object.keys(NAMES);

/** @param {number} value @returns {string} three significant digits, or all digits of a large number */
export function number(value) {
  if (value === 0) return "0";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(value < 0.1 ? 2 : 3)));
}

const percent = (value) => `${number(value * 100)} %`;

/** The formats of figures, by kind. */
export const FORMATS = {
  number,
  percent,
  us: (value) => `${number(value)} us`,
  ms: (value) => `${number(value)} ms`,
  bytes: (value) => `${number(value)} B`,
};

/**
 * @param {{ median: number | null, rounds: number[] }} figure
 * @param {(value: number) => string} format
 * @returns {string} the median, with the least and the most in brackets
 */
export function withSpread({ median, rounds }, format) {
  const [least, most] = [format(Math.min(...rounds)), format(Math.max(...rounds))];
  return least === most ? format(median) : `${format(median)} (${least} to ${most})`;
}

export const times = (value) => `${value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString("en-US")} x`;

/**
 * @param {string[][]} rows the rows, the head first
 * @returns {string} a table of Markdown
 */
export function table([head, ...rows]) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map((_, at) => (at === 0 ? "---" : "--:")).join("|")}|`, ...rows.map(line)].join("\n");
}

/** A contestant counts as ahead only if it is better by this factor. Smaller differences are less than the noise of any run. */
const NOTABLE = 1.03;

/**
 * A sentence that names the contestants that are ahead of this package.
 *
 * @param {{ what: string, better: "more" | "less", format: (value: number) => string, figures: Record<string, { median: number | null,
 *   rounds: number[] }> }[]} entries the measurements, and their figures by contestant
 * @returns {string}
 */
export function aheadSentence(entries) {
  const found = entries.map(({ what, better, format, figures }) => {
    const { ours, ...others } = figures;
    if (!ours || ours.median === null) return "";
    const beats = (one, other) => (better === "more" ? one > other : one < other);
    const ahead = ORDER.filter((name) => {
      const one = others[name]?.median ?? null;
      return one !== null && beats(one, ours.median) && Math.max(one, ours.median) > NOTABLE * Math.min(one, ours.median);
    });
    const texts = ahead.map((name) => {
      const wins = others[name].rounds.filter((value, at) => beats(value, ours.rounds[at])).length;
      const often = wins === ours.rounds.length ? "" : `, in ${wins} of ${ours.rounds.length} rounds`;
      return `${NAMES[name]} (${format(others[name].median)}${often})`;
    });
    return texts.length === 0 ? "" : `${what} (here ${format(ours.median)}): ${texts.join(", ")}`;
  });
  const said = found.filter(Boolean);
  return said.length === 0 ? "No other is ahead of this package here." : `**Ahead of this package here.** ${said.map(capital).join(". ")}.`;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Breaks prose into readable lines. */
export function lines(text) {
  const out = [""];
  for (const word of text.split(" ")) {
    if (out.at(-1).length + word.length > 140) out.push("");
    out[out.length - 1] += (out.at(-1) === "" ? "" : " ") + word;
  }
  return out.join("\n");
}
