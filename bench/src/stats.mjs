// The arithmetic for the results.

/** @param {number[]} values at least one */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value below which this share lies. @param {number[]} sorted ascending @param {number} share 0 to 1 */
export function quantile(sorted, share) {
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/**
 * The ratio of one contestant to another, round by round, so that machine noise that lasts longer than a round cancels out.
 *
 * @param {number[]} of figures of one contestant, by round
 * @param {number[]} to figures of the other, by round
 * @returns {{ median: number, min: number, max: number, rounds: number[] }}
 */
export function ratio(of, to) {
  const rounds = of.map((value, i) => value / to[i]);
  return { median: median(rounds), min: Math.min(...rounds), max: Math.max(...rounds), rounds };
}
