// The checkouts of a sale over time: which of them overlap, and which of them fit into a picture.

/** The most checkouts of a sale that a picture shows. */
const MOST_DRAWN = 800;
/** The number of rows for all processes together. Checkouts of the same time are one below the other. */
const MOST_ROWS = 48;

/**
 * A checkout. It begins before it reads the stock, and ends when its order is written. With the lock, its process holds the lock all this
 * time.
 *
 * @typedef {object} Hold
 * @property {number} process from 1
 * @property {number} startMs since the first checkout of the sale began
 * @property {number} endMs
 * @property {number} others the number of checkouts in any process that overlap it
 */

/**
 * @typedef {object} Holds
 * @property {Hold[]} all in the order of their starts
 * @property {number} overlapping the number of checkouts that overlap another one
 * @property {number} mostAtOnce
 * @property {number} spanMs from the first start to the last end
 */

/**
 * Finds out which checkouts overlap.
 *
 * @param {[startMs: number, endMs: number][][]} times by process, on one clock
 * @returns {Holds}
 */
export function holdsOf(times) {
  const flat = times.flatMap((pairs, at) => pairs.map(([startMs, endMs]) => ({ process: at + 1, startMs, endMs })));
  flat.sort((a, b) => a.startMs - b.startMs);
  const zeroMs = flat[0]?.startMs ?? 0;
  const starts = flat.map(({ startMs }) => startMs);
  const ends = flat.map(({ endMs }) => endMs).sort((a, b) => a - b);
  let mostAtOnce = 0;
  const all = flat.map(({ process, startMs, endMs }, at) => {
    const endedBefore = countBelow(ends, startMs, true);
    mostAtOnce = Math.max(mostAtOnce, at + 1 - endedBefore);
    // A checkout whose start and end are equal on a coarse clock is counted as ended before it started, so the result could be -1.
    const others = Math.max(0, countBelow(starts, endMs, false) - endedBefore - 1);
    return { process, startMs: startMs - zeroMs, endMs: endMs - zeroMs, others };
  });
  return {
    all,
    overlapping: all.filter(({ others }) => others > 0).length,
    mostAtOnce,
    spanMs: flat.length === 0 ? 0 : ends.at(-1) - zeroMs,
  };
}

/** The number of the sorted `values` that are below `limit`, or equal to it if `orEqual`. */
function countBelow(values, limit, orEqual) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < limit || (orEqual && values[middle] === limit)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The part of a sale that a picture shows.
 *
 * @typedef {object} View
 * @property {(Hold & { row: number })[]} drawn `row`: from 0, within the process
 * @property {number} begun the number of checkouts that begin in the window, drawn or not
 * @property {number[]} rows by process, at least 1
 * @property {number[]} total by process: its checkouts in the whole sale
 */

/**
 * Chooses one window of time for several sales, so that their pictures have the same scale, and chooses the checkouts that are drawn in it.
 *
 * @param {Holds[]} sales
 * @param {number} processes
 * @returns {{ windowMs: number, stepMs: number, views: View[] }} `windowMs`: begins with the first checkout; `stepMs`: between two marks of
 *   time
 */
export function viewsOf(sales, processes) {
  const mostRows = Math.max(2, Math.floor(MOST_ROWS / processes));
  const placed = sales.map(({ all }) => place(all, processes, mostRows));
  const longestMs = Math.max(...sales.map(({ spanMs }) => spanMs));
  const { roundMs } = steps(longestMs || 1);
  // The window covers both sales, but of each sale not more checkouts than a picture can show.
  const windowMs = Math.min(roundMs, ...placed.map((holds) => holds[MOST_DRAWN]?.startMs ?? roundMs));
  const views = sales.map(({ all }, at) => {
    const drawn = placed[at].filter(({ startMs }) => startMs < windowMs).slice(0, MOST_DRAWN);
    const rows = Array(processes).fill(1);
    for (const { process, row } of drawn) rows[process - 1] = Math.max(rows[process - 1], row + 1);
    const total = Array(processes).fill(0);
    for (const { process } of all) total[process - 1] += 1;
    return { drawn, begun: all.filter(({ startMs }) => startMs < windowMs).length, rows, total };
  });
  return { windowMs, stepMs: steps(windowMs).stepMs, views };
}

/** Gives each checkout the first row of its process that is free at its start. A checkout without a free row is left out. */
function place(all, processes, mostRows) {
  const freeAtMs = Array.from({ length: processes }, () => Array(mostRows).fill(0));
  return all.flatMap((hold) => {
    const rows = freeAtMs[hold.process - 1];
    const row = rows.findIndex((atMs) => atMs <= hold.startMs);
    if (row < 0) return [];
    rows[row] = hold.endMs;
    return [{ ...hold, row }];
  });
}

/** A step that divides a time into at most ten parts, and the time rounded up to a multiple of it. */
function steps(timeMs) {
  const power = 10 ** Math.floor(Math.log10(timeMs / 10));
  const stepMs = [1, 2, 5, 10].map((factor) => factor * power).find((step) => timeMs / step <= 10);
  return { roundMs: Math.ceil(timeMs / stepMs) * stepMs, stepMs };
}
