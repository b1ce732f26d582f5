// Finds where another contestant is ahead in a table of the benchmark's own scenarios.

import { aheadSentence, number } from "./words.mjs";

const MORE = new Set(["executesPerSecond", "jobsPerSecond", "busyShare"]);
const LESS = new Set([
  "timePerExecuteUs",
  "nodeCpuUs",
  "redisCpuUs",
  "waitP50Ms",
  "waitP99Ms",
  "waitMaxMs",
  "failed",
  "passP50Ms",
  "passToPing",
]);

/**
 * @param {object} result the result of a scenario
 * @param {(figure: string) => string} nameOf the name of a figure in the table
 * @returns {string | undefined} a sentence; undefined if there is nothing to compare
 */
export function ownAhead({ contestants }, nameOf) {
  if (!contestants?.ours || Object.keys(contestants).length < 2) return undefined;
  const figures = Object.keys(contestants.ours).filter((figure) => MORE.has(figure) || LESS.has(figure));
  if (figures.length === 0) return undefined;
  return aheadSentence(
    figures.map((figure) => ({
      what: nameOf(figure),
      better: MORE.has(figure) ? "more" : "less",
      format: number,
      figures: Object.fromEntries(
        Object.entries(contestants)
          .filter(([, of]) => of[figure]?.rounds)
          .map(([name, of]) => [name, of[figure]]),
      ),
    })),
  );
}
