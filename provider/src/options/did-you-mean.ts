/** The largest number of letters by which a mistyped name may differ. It may also differ by at most a third of its letters. */
const MOST_CHANGES = 2;

/** @internal A sentence that names the most similar known option; empty: no option is similar. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const folded = name.toLowerCase();
  const near = [...known]
    .map((candidate) => ({ candidate, changes: changesBetween(folded, candidate.toLowerCase()) }))
    .filter(({ candidate, changes }) => changes <= MOST_CHANGES && 3 * changes <= candidate.length)
    .sort((one, other) => one.changes - other.changes)[0];
  return near === undefined ? "" : ` Did you mean "${near.candidate}"?`;
}

/** The number of letters that have to be added, removed or replaced (Levenshtein). */
function changesBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [line, letter] of [...one].entries()) {
    const next = [line + 1];
    for (const [at, wanted] of [...other].entries()) {
      next.push(Math.min((row[at] ?? 0) + (letter === wanted ? 0 : 1), (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
