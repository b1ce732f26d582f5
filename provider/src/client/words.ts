/** @internal A length of time for people: `7 s`, below ten seconds with a decimal. */
export function seconds(ms: number): string {
  return `${ms < 10_000 ? (ms / 1_000).toFixed(1) : Math.round(ms / 1_000)} s`;
}

/** @internal A number with the words that follow it. */
export function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** @internal A list of keys for people, the first ten. */
export function listOf(keys: readonly string[]): string {
  const shown = keys.slice(0, 10).map((key) => `"${key}"`);
  return `${keys.length === 1 ? "key" : "keys"} ${shown.join(", ")}${keys.length > shown.length ? ` and ${keys.length - shown.length} more` : ""}`;
}

/** @internal A text of at most so many characters, and `…` where its middle is left out: its end may say why. */
export function shortened(text: string, most: number): string {
  const tail = Math.floor(most / 4);
  return text.length > most ? `${text.slice(0, most - tail - 1)}…${text.slice(text.length - tail)}` : text;
}
