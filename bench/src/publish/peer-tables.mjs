// The tables of the comparison with other packages: the question and the columns of each.

import { aheadSentence, FORMATS, NAMES, number, ORDER, table, times, withSpread } from "./words.mjs";

/**
 * A column: a figure of a cell.
 *
 * @typedef {object} Column
 * @property {string} head
 * @property {string} cell
 * @property {string} figure
 * @property {keyof typeof FORMATS} format
 * @property {"more" | "less"} [better] without it the figure is not compared
 * @property {boolean} [spread] with the least and the most of all rounds
 * @property {string} [missing] the text in place of a figure that could not be measured
 */

/** The costs of a call besides its time. */
const costs = (cell, at = "") => [
  { head: `Node CPU a call${at}`, cell, figure: "nodeCpuUs", format: "us", better: "less" },
  { head: `server CPU a call${at}`, cell, figure: "serverCpuUs", format: "us", better: "less" },
  { head: `commands a call${at}`, cell, figure: "commands", format: "number", better: "less" },
  { head: `bytes a call${at}`, cell, figure: "bytes", format: "number", better: "less" },
];

const perSecond = (cell, head) => ({ head, cell, figure: "perSecond", format: "number", better: "more", spread: true });

const busyColumns = (cell, share) => [
  { head: "jobs per second", cell, figure: "jobsPerSecond", format: "number", better: "more", spread: true },
  ...(share ? [{ head: "share of time in jobs", cell, figure: "busyShare", format: "percent", better: "more" }] : []),
  { head: "wait p50", cell, figure: "waitP50Ms", format: "ms", better: "less" },
  { head: "wait p99", cell, figure: "waitP99Ms", format: "ms", better: "less" },
  { head: "longest wait", cell, figure: "waitMaxMs", format: "ms", better: "less", spread: true },
  { head: "callers without a turn", cell, figure: "withoutJob", format: "number", better: "less" },
  { head: "not served in 5 s", cell, figure: "failed", format: "number", better: "less" },
];

/** The costs of callers or locks while nobody calls. */
const idleColumns = (cell) => [
  { head: "commands per second", cell, figure: "commandsPerSecond", format: "number", better: "less", spread: true },
  { head: "Node, of a core", cell, figure: "nodeShare", format: "percent", better: "less" },
  { head: "server, of a core", cell, figure: "serverShare", format: "percent", better: "less" },
];

/** @returns {string[]} the cells that were measured */
const cellsOf = ({ contestants }) => Object.keys(Object.values(contestants)[0]);

const BUSY = ["0 ms, 4 processes", "5 ms, 1 process", "5 ms, 4 processes", "5 ms, 8 processes", "20 ms, 4 processes"];

/** @type {Record<string, { title: string, question: string, columns: (result: object) => { title?: string, columns: Column[],
 *   ratio?: [cell: string, figure: string] }[] }>} */
export const PEER_TABLES = {
  "peers-one": {
    title: "One at a time",
    question: "How long does one caller wait for a free lock, an empty job and the release, one after the other, each on a key of its own?",
    columns: () => [
      {
        columns: [{ head: "time a call", cell: "1", figure: "medianUs", format: "us", better: "less", spread: true }, ...costs("1")],
        ratio: ["1", "medianUs"],
      },
    ],
  },
  "peers-at-once": {
    title: "Many at once on keys of their own",
    question:
      "How many calls of an empty job does one process finish in a second, when so many are under way and no two want the same key?",
    columns: () => [
      {
        columns: [perSecond("16", "16 at once, per second"), perSecond("256", "256 at once"), perSecond("1024", "1,024 at once")],
        ratio: ["256", "perSecond"],
      },
      { title: "Cost of a call at 256 at once:", columns: costs("256") },
    ],
  },
  "peers-keys": {
    title: "Several keys a call",
    question: "The same with 16 at once, when each call locks several keys. The packages that are not here lock one key a call.",
    columns: () => [
      {
        columns: [perSecond("2", "2 keys a call, per second"), perSecond("4", "4 keys"), perSecond("16", "16 keys")],
        ratio: ["16", "perSecond"],
      },
      { title: "Cost of a call of 16 keys:", columns: costs("16") },
    ],
  },
  "peers-busy": {
    title: "One busy key",
    question:
      "Eight callers in each process come back at once to the same key, with a time limit of 5 s. How much of the time is somebody at work, how" +
      " long does one wait, and who gets no turn in the 6 s that are watched? Where a p50 of less than a millisecond stands beside a wait of" +
      " seconds, who just released the key mostly gets it again, and the others wait: p50 and p99 are of the calls that were served in that time.",
    columns: () =>
      BUSY.map((cell) => ({ title: `Jobs of ${cell.replace(", ", " in ")}:`, columns: busyColumns(cell, !cell.startsWith("0 ")) })),
  },
  "peers-waiters": {
    title: "Callers who wait",
    question:
      "What do callers cost who wait in one process for a key that another process holds, and how long does it take until all of them were" +
      " served, once it is free? With Postgres ten of them wait in the database, and the others for a connection.",
    columns: (result) =>
      cellsOf(result).map((cell) => ({
        title: cell === "1" ? "One caller:" : `${number(Number(cell))} callers:`,
        columns: [
          ...idleColumns(cell),
          { head: "until all were served", cell, figure: "drainMs", format: "ms", better: "less", spread: true, missing: "more than 20 s" },
        ],
      })),
  },
  "peers-renewals": {
    title: "Leases that are renewed",
    question:
      "What do locks cost that one process holds for 10 s, each with a lease of 5 s, which has to be renewed? The official package does not" +
      " renew, and a lock of Postgres has no lease. The longest block is of the event loop, in those 10 s; lost are calls that failed.",
    columns: (result) =>
      cellsOf(result).map((cell) => ({
        title: `${number(Number(cell))} locks:`,
        columns: [
          ...idleColumns(cell),
          { head: "longest block", cell, figure: "blockMs", format: "ms", better: "less", spread: true },
          { head: "lost", cell, figure: "lost", format: "number", better: "less" },
        ],
      })),
  },
  "peers-beside": {
    title: "Beside the locks of others",
    question: "How many calls of an empty job does one process finish in a second, 256 at once, when Redis has so many other locks?",
    columns: (result) => [
      {
        columns: cellsOf(result).map((cell) => perSecond(cell, `beside ${number(Number(cell))}`)),
        ratio: [cellsOf(result).at(-1), "perSecond"],
      },
    ],
  },
  "peers-memory": {
    title: "Memory of a lock",
    question:
      "How much memory does each of 10,000 locks take that one process holds at once? A lock of Postgres takes a connection: ten at most.",
    columns: (result) => {
      const [cell] = cellsOf(result);
      return [
        {
          columns: [
            { head: "memory in Node", cell, figure: "nodeBytes", format: "bytes", better: "less", spread: true },
            { head: "memory in Redis", cell, figure: "redisBytes", format: "bytes", better: "less", spread: true },
          ],
        },
      ];
    },
  },
};

/**
 * @param {string} scenario
 * @param {object} result of `runPeers`
 * @returns {string} the tables, and a sentence about contestants that are ahead
 */
export function peerTables(scenario, result) {
  return PEER_TABLES[scenario]
    .columns(result)
    .map(({ title, columns, ratio }) =>
      [...(title ? [title, ""] : []), table(rowsOf(result, columns, ratio)), "", aheadSentence(entriesOf(result, columns))].join("\n"),
    )
    .join("\n\n");
}

function rowsOf({ contestants, ratios }, columns, ratio) {
  const names = ORDER.filter((name) => contestants[name]);
  const head = ["", ...columns.map((column) => column.head), ...(ratio ? ["this package to it"] : [])];
  const rows = names.map((name) => [
    name === "ours" ? `**${NAMES[name]}**` : NAMES[name],
    ...columns.map((column) => cellText(contestants[name][column.cell]?.[column.figure], column)),
    ...(ratio ? [ratioText(ratios[name]?.[ratio[0]]?.[ratio[1]])] : []),
  ]);
  return [head, ...rows];
}

/** @returns {string} the text of a figure in a table */
export function cellText(figure, { format, spread, missing }) {
  if (!figure) return "–";
  if (figure.median === null) return missing;
  return spread ? withSpread(figure, FORMATS[format]) : FORMATS[format](figure.median);
}

const ratioText = (ratio) => (ratio ? `${times(ratio.median)} (${times(ratio.min)} to ${times(ratio.max)})` : "");

/** The entries for `aheadSentence`. @param {Column[]} columns */
export function entriesOf({ contestants }, columns) {
  return columns
    .filter(({ better }) => better)
    .map(({ head, cell, figure, format, better }) => ({
      what: head,
      better,
      format: FORMATS[format],
      figures: Object.fromEntries(
        Object.entries(contestants)
          .filter(([, cells]) => cells[cell]?.[figure])
          .map(([name, cells]) => [name, cells[cell][figure]]),
      ),
    }));
}
