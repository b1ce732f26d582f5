// Times, names and counts for people.

/** A duration in milliseconds, as people say it: `340 ms`, `12.5 s`, `4 min 20 s`, `3 h 5 min`, `2 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) {
    return `${Math.round(ms)} ms`;
  }
  if (ms < 60_000) {
    return `${Math.floor(ms / 100) / 10} s`;
  }
  const seconds = Math.floor(ms / 1_000);
  const parts = (big: number, bigName: string, small: number, smallName: string) => {
    const count = Math.floor((seconds % big) / small);
    return `${Math.floor(seconds / big)} ${bigName}${count > 0 ? ` ${count} ${smallName}` : ""}`;
  };
  if (seconds < 3_600) {
    return parts(60, "min", 1, "s");
  }
  return seconds < 86_400 ? parts(3_600, "h", 60, "min") : parts(86_400, "d", 3_600, "h");
}

/** A text from Redis, without characters that a terminal takes for commands, that are not seen, or that turn the direction of reading. */
export function shown(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A text that a user typed, for what is said of it: it may be a URL in a wrong place, and then has a password. */
export function typed(text: string): string {
  return shown(text.replace(/:\/\/.*@/gs, "://***@"));
}

/** `1 call`, `2 calls`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
