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
  const first = keys.slice(0, 10).map(quoted);
  return `${keys.length === 1 ? "key" : "keys"} ${first.join(", ")}${keys.length > first.length ? ` and ${keys.length - first.length} more` : ""}`;
}

/** @internal A text of at most so many characters. `…` replaces its middle, because its end may give the reason. */
export function shortened(text: string, most: number): string {
  const tail = Math.floor(most / 4);
  return text.length > most ? `${text.slice(0, most - tail - 1)}…${text.slice(text.length - tail)}` : text;
}

/** The longest key, label or host name in a sentence, in characters. */
const MOST_OF_PART = 200;

/** @internal A key, a label or another foreign text, as a part of a sentence. */
export function partOf(text: string): string {
  return shown(shortened(text, MOST_OF_PART));
}

/** @internal The same in quotes. */
export function quoted(text: string): string {
  return `"${partOf(text)}"`;
}

/**
 * Control characters for a terminal, characters that are invisible or change the direction of reading, ends of lines, and letters that look blank.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

/** @internal A text in which JSON escapes replace all characters that a terminal or a log should not get. */
export function shown(text: string): string {
  return text.replace(UNSEEN, (character) =>
    // A character beyond the first Unicode plane has two units.
    Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** The addon uses these words. */
const MISCOUNTED = /a message to one receiver was counted as (\d+)/;

/** @internal The advice if callers poll, by the reason that the addon names. More rights do not help against a wrong count of receivers. */
export function wayOutOfPolling(reason: string): string {
  const [, count] = MISCOUNTED.exec(reason) ?? [];
  if (count === undefined) {
    return 'To change that, allow the Redis user the channels "mlr!*" on a server of version 6.2 or newer that is no cluster node.';
  }
  return Number(count) > 1
    ? "Another connection listens to all channels (PSUBSCRIBE *): let it name its own. CLIENT LIST TYPE pubsub shows it, with a psub that is not 0."
    : "Go around the proxy between this process and Redis.";
}
