// Makes the pages from the kept runs: docs/BENCHMARKS.md, its charts, and README's section.

import { SCENARIOS } from "../flags.mjs";
import { figureName, rowsOf, titleOf } from "../report.mjs";
import { barChart } from "./chart.mjs";
import { ownAhead } from "./own-ahead.mjs";
import { PEER_TABLES, peerTables } from "./peer-tables.mjs";
import { BUSY, section, withSection } from "./readme.mjs";
import { FORMATS, lines, NAMES, number, table } from "./words.mjs";

const PICTURES = "docs/pictures";

/**
 * @param {{ version: string, runs: object[] }} stored the result of `storedRuns`
 * @param {string} readme the text of README.md
 * @returns {Record<string, string>} the text of each file, by its path from the project's root
 */
export function publishedFiles({ version, runs }, readme) {
  const found = new Map(runs.flatMap(({ meta, scenarios }) => Object.entries(scenarios).map(([name, result]) => [name, { meta, result }])));
  const pictures = charts(found);
  return {
    "docs/BENCHMARKS.md": page(version, runs, found, pictures),
    "README.md": withSection(readme, section(found)),
    ...Object.fromEntries(Object.entries(pictures).map(([name, { svg }]) => [`${PICTURES}/${name}.svg`, svg])),
  };
}

function page(version, runs, found, pictures) {
  const peers = Object.keys(PEER_TABLES).filter((name) => found.has(name));
  const own = [...found.keys()].filter((name) => !(name in PEER_TABLES));
  const left = SCENARIOS.filter((name) => !found.has(name));
  const parts = [
    '<!-- Made by "npm run bench:publish" from the runs in bench/results. -->',
    "# Benchmarks",
    `This page is made from the runs of version ${version} that are kept in [bench/results](../bench/results). How it is measured, and what is set
for each package, is in [bench/README.md](../bench/README.md). The machine has two cores, which other programs share, and Redis runs on the
same: absolute figures are its own, and vary from run to run. Within each round the packages take turns, so that a ratio of the same round
says more than a figure. A figure is the median of all rounds; in brackets are the least and the most. Bytes and commands are what Redis
counts: commands that a script calls count, too. Where another package is ahead, the line below the table says so: by the median, by 3 % at least.
\`npm run bench\` repeats all of it.`,
    "Packages: " +
      Object.entries(Object.assign({}, ...runs.map(({ meta }) => meta.versions)))
        .map(([name, of]) => `${NAMES[name] ?? name} ${of}`)
        .join(", ")
        .replace("bare ioredis (no lock)", "ioredis")
        .replace("by hand over valkey-glide", "@valkey/valkey-glide") +
      ".",
    "## Compared with the alternatives",
    ...peers.flatMap((name) => peerPart(name, found.get(name), pictures)),
    "## Beside the official package",
    "The tables that `npm run bench` prints: `official` is @medusajs/locking-redis, and `ours` is this package." +
      " [bench/README.md](../bench/README.md) says what each scenario does.",
    ...own.flatMap((name) => ownPart(name, found.get(name))),
    ...(left.length === 0
      ? []
      : ["## Not on this page", `No run is kept of these: \`npm run bench -- --only ${left.join(",")}\` measures them.`]),
  ];
  return `${parts.map(wrapped).join("\n\n")}\n`;
}

function peerPart(name, { meta, result }, pictures) {
  const { title, question } = PEER_TABLES[name];
  const drawn = Object.entries(pictures).filter(([, picture]) => picture.of === name);
  return [
    `### ${title}`,
    question,
    where(name, meta, result),
    ...drawn.map(([file, { alt }]) => `![${alt}](pictures/${file}.svg)`),
    peerTables(name, result),
  ];
}

function ownPart(name, { meta, result }) {
  return [
    `### ${titleOf(name, result)}`,
    where(name, meta, result),
    table(rowsOf(name, result).map((row) => row.map((cell) => String(cell)))),
    ...[ownAhead(result, figureName)].filter(Boolean),
  ];
}

/** The machine, the date and the command of a table. */
function where(name, { date, cpu, node, redis, versions, rounds }, result) {
  const postgres = result.contestants?.postgres ? `, Postgres ${versions.Postgres}` : "";
  const taken = result.rounds ?? 1;
  const [length, flag] = result.minutes
    ? [`${result.minutes} minutes`, `--minutes ${result.minutes}`]
    : [`${taken} ${taken === 1 ? "round" : "rounds"}`, `--rounds ${rounds}`];
  return `${date.slice(0, 10)}; ${cpu}, Node ${node}, Redis ${redis}${postgres}; ${length}: \`npm run bench -- --only ${name} ${flag}\``;
}

/** Breaks prose into readable lines. Tables and pictures stay as they are. */
function wrapped(text) {
  if (/^[|#!<]/.test(text) || text.includes("\n|")) {
    return text
      .split("\n")
      .map((line) => (/^[|#!<]/.test(line) ? line : lines(line)))
      .join("\n");
  }
  return lines(text.replaceAll("\n", " "));
}

/** The charts that these runs allow. */
function charts(found) {
  const panel = (name, cell, figure, format, title, note) => {
    const contestants = found.get(name).result.contestants;
    const with_ = Object.entries(contestants).filter(([, cells]) => cells[cell]?.[figure]);
    return { title, note, format: FORMATS[format], figures: Object.fromEntries(with_.map(([who, cells]) => [who, cells[cell][figure]])) };
  };
  const more = "empty jobs, each call with a key of its own; more is better";
  const atOnce = (width) =>
    panel("peers-at-once", width, "perSecond", "number", `${number(Number(width))} at once: calls per second`, more);
  const busy = "one key, jobs of 5 ms, 4 processes x 8 callers; less is better";
  const longest = () => panel("peers-busy", BUSY, "waitMaxMs", "ms", "A busy key: the longest wait", busy);
  const empty = () =>
    panel(
      "peers-busy",
      "0 ms, 4 processes",
      "jobsPerSecond",
      "number",
      "A busy key: jobs per second",
      "empty jobs, 4 processes x 8 callers; more is better",
    );
  const waiting = () => {
    const title = "1,000 callers wait: commands per second";
    return panel("peers-waiters", "1000", "commandsPerSecond", "number", title, "one process, one key that another holds; less is better");
  };
  const all = {
    "bench-overview": {
      needs: ["peers-at-once", "peers-busy", "peers-waiters"],
      alt: "256 at once, the longest wait for a busy key, and what 1,000 waiting callers send",
      panels: () => [atOnce("256"), longest(), waiting()],
    },
    "bench-at-once": {
      needs: ["peers-at-once"],
      of: "peers-at-once",
      alt: "calls per second at 16, 256 and 1,024 at once",
      panels: () => ["16", "256", "1024"].map(atOnce),
    },
    "bench-busy": {
      needs: ["peers-busy"],
      of: "peers-busy",
      alt: "jobs per second and longest wait for one busy key",
      panels: () => [empty(), longest()],
    },
  };
  return Object.fromEntries(
    Object.entries(all)
      .filter(([, { needs }]) => needs.every((name) => found.has(name)))
      .map(([name, { of, alt, panels }]) => [name, { of, alt, svg: barChart(alt, panels()) }]),
  );
}
