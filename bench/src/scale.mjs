// Measures the cost per item of very many items at the same time. It shows if a cost grows with the square of their number, or blocks the
// event loop.

import { startFaultProxy } from "../../harness/fault-proxy.mjs";
import { startContestant } from "./processes.mjs";

const COUNTS = [1_000, 10_000, 50_000, 200_000];
/** No cell may take longer. A cell that would take longer is left out, and so are the cells with more items of the same row. */
const LONGEST_MS = 90_000;
const TIMEOUT_S = 3;

const ROWS = ["first", "renewed", "renewedAll", "kept", "keptAll", "outage", "tokens", "signal"];

/**
 * @param {string[]} names contestants that take part; only `ours` is measured
 * @param {object} context `url`, `observer`, `quick`, `progress`
 * @returns {Promise<object>} `counts`, and `rows`: for each phase of each row the figures by count, or why there are none
 */
export async function runScale(names, { url, observer, quick, progress }) {
  const counts = quick ? COUNTS.slice(0, 2) : COUNTS;
  const rows = [];
  for (const row of names.includes("ours") ? ROWS : []) {
    let why;
    const phases = new Map();
    for (const count of counts) {
      if (why) continue;
      progress(`scale: ${row}, ${count} at once`);
      try {
        for (const [phase, figures] of Object.entries(await cell(row, count, url))) {
          if (!phases.has(phase)) phases.set(phase, {});
          phases.get(phase)[count] = figures;
        }
      } catch (error) {
        why = `${count}: ${error.message.split("\n")[0]}`;
        progress(`scale: ${row}, ${why}`);
      }
      await observer.command("FLUSHALL");
    }
    for (const [phase, cells] of phases) rows.push({ row, phase, cells, flat: flatness(cells), why });
    if (phases.size === 0) rows.push({ row, phase: "", cells: {}, why });
  }
  return { counts, rows };
}

/** Each cell has a new process, so nothing is left from the count before. */
async function cell(row, count, url) {
  const proxy = row === "outage" ? await startFaultProxy({ targetPort: Number(new URL(url).port) }) : undefined;
  const contestant = await startContestant("ours", proxy ? `redis://127.0.0.1:${proxy.port}` : url);
  const takeAway = async () => {
    await proxy.refuseConnections();
    proxy.cutAll();
    contestant.send({ go: true });
  };
  try {
    return await contestant.run(row, { count, timeoutS: TIMEOUT_S }, { timeoutMs: LONGEST_MS, onNote: takeAway });
  } finally {
    contestant.stop();
    await proxy?.stop();
  }
}

/** The cost per item with the most items, divided by the least cost per item with fewer items. */
function flatness(cells) {
  const costs = Object.values(cells).map(({ allUs }) => allUs);
  return costs.length > 1 ? costs.at(-1) / Math.min(...costs.slice(0, -1)) : undefined;
}

/**
 * @param {object} result the result of `runScale`
 * @returns {string[][]} rows of a table
 */
export function scaleRows({ counts, rows }) {
  const cellOf = (figures) =>
    figures === undefined
      ? "-"
      : `${figures.allUs.toFixed(1)} us, ${Math.round(figures.blockMs)} ms` +
        (figures.lateMs !== undefined ? `, ${Math.round(figures.lateMs)} ms late` : figures.failed > 0 ? `, ${figures.failed} failed` : "");
  const head = ["each, and longest block, with so many at once", ...counts.map((count) => count.toLocaleString("en-US")), "most / least"];
  const body = rows.map(({ row, phase, cells, flat, why }) => [
    `${row}: ${phase || why}`,
    ...counts.map((count) => cellOf(cells[count])),
    flat === undefined ? "" : `${flat.toFixed(2)} x`,
  ]);
  const texts = [...new Set(rows.filter(({ why, phase }) => why && phase).map(({ row, why }) => `left out: ${row}, ${why}`))];
  const reasons = texts.map((text) => [text, ...counts.map(() => ""), ""]);
  return [head, ...body, ...reasons];
}
