/** The shortest time between an answer and the next question, in milliseconds. */
const SHORTEST_MS = 3_000;
/** The pause takes so many times as long as the answer before it. */
const PAUSE_PER_LOOK = 10;

/**
 * The pause after an answer that took `tookMs`. It grows with the answer's time, because for each answer Redis goes through all keys of its
 * database.
 */
export function pauseAfter(tookMs: number): number {
  return Math.max(SHORTEST_MS, PAUSE_PER_LOOK * tookMs);
}
