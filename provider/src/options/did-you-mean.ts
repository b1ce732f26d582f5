/** Most letters by which a mistyped name differs, and a third of its letters at most. */
const MOST_CHANGES = 2;

/** @internal A sentence that names the known option that this one is nearest to; empty: none is near. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const folded = name.toLowerCase();
  const near = [...known]
    .map((candidate) => ({ candidate, changes: changesBetween(folded, candidate.toLowerCase()) }))
    .filter(({ candidate, changes }) => changes <= MOST_CHANGES && 3 * changes <= candidate.length)
    .sort((one, other) => one.changes - other.changes)[0];
  return near === undefined ? "" : ` Did you mean "${near.candidate}"?`;
}

/** How many letters have to be added, taken out or replaced (Levenshtein). */
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
