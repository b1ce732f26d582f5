// README's section: ten rows of the kept runs, the contestants that are ahead, and a link.

import { UserError } from "../../../harness/process.mjs";
import { cellText, entriesOf, PEER_TABLES } from "./peer-tables.mjs";
import { aheadSentence, lines, table } from "./words.mjs";

const BEGIN = "<!-- bench: made by npm run bench:publish -->";
const END = "<!-- bench: end -->";

/** The cell of the busy key that the section shows: 32 callers in four processes. */
export const BUSY = "5 ms, 4 processes";
const EMPTY = "0 ms, 4 processes";

/** Short names, for the heads of narrow columns. */
const COLUMNS = {
  ours: "**here**",
  official: "official",
  postgres: "locking-postgres",
  "redis-semaphore": "redis-semaphore",
  redlock: "redlock",
  "redlock-universal": "redlock-universal",
  glide: "by hand, valkey-glide",
};

/** The scenario and the contents of each row. */
const ROWS = [
  ["peers-one", "1", "medianUs", "us", "less", "one at a time: time a call"],
  ["peers-at-once", "256", "perSecond", "number", "more", "256 at once: calls per second"],
  ["peers-at-once", "256", "nodeCpuUs", "us", "less", "… Node CPU a call"],
  ["peers-at-once", "256", "serverCpuUs", "us", "less", "… server CPU a call"],
  ["peers-keys", "16", "perSecond", "number", "more", "16 keys a call, 16 at once: calls per second"],
  ["peers-busy", EMPTY, "jobsPerSecond", "number", "more", "busy key, empty jobs: jobs per second"],
  ["peers-busy", BUSY, "busyShare", "percent", "more", "busy key, jobs of 5 ms: share of time in jobs"],
  ["peers-busy", BUSY, "waitMaxMs", "ms", "less", "… longest wait"],
  ["peers-busy", BUSY, "withoutJob", "number", "less", "… callers of 32 without a turn in 6 s"],
  ["peers-waiters", "1000", "commandsPerSecond", "number", "less", "1,000 callers wait: commands per second"],
];

/**
 * @param {Map<string, { meta: object, result: object }>} found the scenarios of the kept runs
 * @returns {string}
 */
export function section(found) {
  const rows = ROWS.filter(([name]) => found.has(name)).map(([name, cell, figure, format, better, head]) => {
    const column = { head, cell, figure, format, better, missing: "more than 20 s" };
    return { name, column, result: found.get(name).result };
  });
  if (rows.length === 0) throw new UserError("no kept run has a scenario of the peers");
  const names = Object.keys(COLUMNS).filter((name) => rows.some(({ result }) => result.contestants[name]));
  const body = rows.map(({ column, result }) => [
    column.head,
    ...names.map((name) => cellText(result.contestants[name]?.[column.cell]?.[column.figure], column)),
  ]);
  const { meta } = found.get(rows[0].name);
  const scenarios = [...new Set(rows.map(({ name }) => name))];
  const entries = rows.flatMap(({ column, result }, at) => {
    const what = column.head.startsWith("… ")
      ? `${rows[at - (rows[at - 1].column.head.startsWith("… ") ? 2 : 1)].column.head.split(":")[0]}: ${column.head.slice(2)}`
      : column.head;
    return entriesOf(result, [{ ...column, head: what }]);
  });
  const [all, busy] = [PEER_TABLES["peers-at-once"], PEER_TABLES["peers-busy"]].map(({ title }) => title.toLowerCase());
  return [
    lines(
      `Compared with the alternatives, each used as its README shows it ([how](bench/README.md)): medians of ${roundsOf(found, rows[0].name)}` +
        ` (the busy key: ${roundsOf(found, "peers-busy")}, waiting callers: ${roundsOf(found, "peers-waiters")}), ${meta.date.slice(0, 10)},` +
        ` on a shared machine of ${meta.cpu}, with Redis ${meta.redis} and Node ${meta.node}.`,
    ),
    table([["", ...names.map((name) => COLUMNS[name])], ...body]),
    lines(aheadSentence(entries)),
    `![256 at once, the longest wait for a busy key, and what waiting callers send](docs/pictures/bench-overview.svg)`,
    `\`\`\`\nnpm run bench -- --only ${scenarios.join(",")}\n\`\`\``,
    lines(
      `[docs/BENCHMARKS.md](docs/BENCHMARKS.md) has the spread of each figure, ${all}, ${busy}, memory, and more beside the official package, with the` +
        " machine, the date and the command of each table.",
    ),
  ].join("\n\n");
}

function roundsOf(found, name) {
  const rounds = found.get(name)?.result.rounds ?? 0;
  return `${rounds} ${rounds === 1 ? "round" : "rounds"}`;
}

/**
 * @param {string} readme the text of README.md
 * @param {string} text
 * @returns {string} the text of README.md with the new section between its marks
 * @throws {UserError} when the marks are not there
 */
export function withSection(readme, text) {
  const [from, to] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (from < 0 || to < from) throw new UserError(`README.md needs the lines ${BEGIN} and ${END}`);
  return `${readme.slice(0, from + BEGIN.length)}\n\n${text}\n\n${readme.slice(to)}`;
}
