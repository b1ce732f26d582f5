/** Between an answer and the next question, in milliseconds. */
const SHORTEST_MS = 3_000;
/** By how much the pause is longer than the answer before it took. */
const PAUSE_PER_LOOK = 10;

/** The pause after an answer that took `tookMs`: each look lets Redis go through all keys of its database. */
export function pauseAfter(tookMs: number): number {
  return Math.max(SHORTEST_MS, PAUSE_PER_LOOK * tookMs);
}
