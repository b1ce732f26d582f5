// Times, names and counts for people.

import { shown } from "../client/words";

export { shown };

/** A duration in milliseconds for people: `340 ms`, `12.5 s`, `4 min 20 s`, `3 h 5 min`, `2 d 4 h`. */
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

/** A text that a user typed, for a message about it. It may be a URL in a wrong place, so a password in it is hidden. */
export function typed(text: string): string {
  return shown(text.replace(/:\/\/.*@/gs, "://***@"));
}

/** `1 call`, `2 calls`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
