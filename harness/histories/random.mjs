// Draws from a seed, and the clock that all processes of this machine share.

/** @returns {number} milliseconds of CLOCK_MONOTONIC, with fractions: comparable between processes of one machine on Linux */
export function nowMs() {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * Draws from a seed (mulberry32).
 *
 * @param {number} seed a whole number
 */
export function randomOf(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit) => Math.floor(next() * limit);
  return {
    /** A whole number from 0 to `limit` - 1. */
    below,
    /** A whole number from `low` to `high`. */
    between: (low, high) => low + below(high - low + 1),
    chance: (share) => next() < share,
    of: (list) => list[below(list.length)],
    shuffled(list) {
      const rest = [...list];
      return list.map(() => rest.splice(below(rest.length), 1)[0]);
    },
  };
}
