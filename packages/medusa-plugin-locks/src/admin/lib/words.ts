// Times, names and counts for people.

import type { LockStatus } from "medusa-locking-redis";

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

/**
 * Control characters for a terminal, characters that are invisible or change the direction of reading, ends of lines, and letters that look
 * blank.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

/** A text in which JSON escapes replace all characters that are invisible or deceive. It does the same as the command line's `shown`. */
export function shown(text: string): string {
  return text.replace(UNSEEN, (character) =>
    // A character beyond the first Unicode plane has two units.
    Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** A key that is shortened to `most` characters. */
export function shortened(key: string, most: number): string {
  const text = shown(key);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** `1 call`, `2 calls`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** A process, named by host and process id. */
export function placeOf({ host, pid }: { host: string; pid: number }): string {
  return `${shown(host)} pid ${pid}`;
}

/** The holder of a lock in a few words. */
export function holderInWords(lock: LockStatus): string {
  if (lock.kind === "free") {
    return "nobody";
  }
  if (lock.kind === "grant") {
    return "is being handed over";
  }
  if (lock.holder) {
    return placeOf(lock.holder);
  }
  if (lock.holderAnswers === false) {
    return "does not answer";
  }
  if (lock.kind === "official") {
    return "official package";
  }
  return lock.kind === "named" ? `owner ${shown(lock.owner ?? "")}` : "not known";
}

/** The end of a lock's lease in a few words. */
export function leaseInWords({ leaseLeftMs, owner }: LockStatus): string {
  if (leaseLeftMs !== null) {
    return duration(leaseLeftMs);
  }
  return owner === null ? "" : "no end";
}

/** The number of waiters; `+`: there may be more. */
export function waitersInWords({ waiters }: LockStatus): string {
  const isAtLeast = waiters.unknown || waiters.clients > waiters.processes.length;
  return `${waiters.count}${isAtLeast ? "+" : ""}`;
}

/** Facts about the holder that an operator should know before the operator takes the lock away. */
export function adviceOn(lock: LockStatus): string {
  if (lock.kind === "free" || lock.kind === "grant") {
    return "Nothing has to be done. Look again in a moment.";
  }
  if (lock.holderAnswers === false) {
    return "The process that holds it does not answer. It is dead, cut off or suspended, or it never answers. Look at it first: its job may run.";
  }
  if (lock.holder?.stuckMs) {
    return `Its process answers, but its event loop has been stuck for ${duration(lock.holder.stuckMs)}. Look at what it computes.`;
  }
  if (lock.holder) {
    return "Its process answers: the job runs. If it should not, end it there, or release the lock.";
  }
  return "Which process holds it cannot be known. Find out whether its owner still works.";
}

/** The consequence of the release of a lock. */
export function consequenceOf(lock: LockStatus): string {
  const told = lock.holder
    ? "Its job is told that it lost the lock, and that you released it."
    : "A job that still runs goes on without its lock.";
  const { count, unknown, clients } = lock.waiters;
  if (count > 0) {
    return `${told} ${count === 1 ? "The call that waits" : `The first of ${count} calls that wait`} gets the lock at once.`;
  }
  return `${told} ${unknown || clients > 0 ? "Somebody may wait, and then gets the lock." : "Nobody is known to wait for it."}`;
}
