import { partOf } from "../client/words";
import type { LockProcess, LockStatus } from "./lock-status";
import { counted, duration, shown } from "./words";

/** The processes that hold locks but get no census question. */
const MUTE = "one that polls, has an older version, or may not subscribe to mlr!? hears no question";

/** The most processes that one sentence names. */
const MOST_PROCESSES = 10;

/** The holder of a lock in a few words, for a table. */
export function holderInWords(lock: LockStatus): string {
  if (lock.kind === "free") {
    return "nobody";
  }
  if (lock.kind === "grant") {
    return "(being handed over)";
  }
  if (lock.holder) {
    return `${placeOf(lock.holder)}${lock.holder.stuckMs === null ? "" : ` (stuck ${duration(lock.holder.stuckMs)})`}`;
  }
  if (lock.holderAnswers === false) {
    return "(does not answer)";
  }
  if (lock.kind === "official") {
    return "(official package)";
  }
  return lock.kind === "named" ? `owner ${partOf(lock.owner ?? "")}` : "(not known)";
}

/** The number of waiters in a few words; `+`: there may be more. */
export function waitersInWords({ waiters }: LockStatus): string {
  const isAtLeast = waiters.unknown || waiters.clients > waiters.processes.length;
  return `${waiters.count}${isAtLeast ? "+" : ""}`;
}

/** Describes a lock in sentences: its holder and since when, whether that process is alive, and the waiters. */
export function explain(lock: LockStatus): string[] {
  return [whoHolds(lock), ...howItEnds(lock), ...whoWaits(lock)];
}

/** The advice about a lock, in a sentence or two. `toRelease`: the command that releases it follows. */
export function whatToDo(lock: LockStatus): { text: string; toRelease: boolean } {
  if (lock.kind === "free" || lock.kind === "grant") {
    return { text: "Nothing has to be done. Look again in a moment.", toRelease: false };
  }
  return { text: whenToRelease(lock), toRelease: true };
}

function placeOf({ host, pid }: { host: string; pid: number }): string {
  return `${shown(host)} pid ${shown(String(pid))}`;
}

function whoHolds(lock: LockStatus): string {
  const owner = partOf(lock.owner ?? "");
  const since = lock.heldMs === null ? "" : ` for ${duration(lock.heldMs)}`;
  const label = lock.label === null ? "" : `, as "${shown(lock.label)}"`;
  if (lock.kind === "free") {
    return "Nobody holds it.";
  }
  if (lock.kind === "grant") {
    return "It is being handed over to a waiter, which takes two seconds at most.";
  }
  if (lock.holder) {
    return `${processInWords(lock.holder)} has held it${since}${label}.${stuckInWords(lock.holder)}`;
  }
  if (lock.holderAnswers === false) {
    return `The process that holds it does not answer. It is dead, cut off from Redis or suspended, or it works and never answers: ${MUTE}.`;
  }
  if (lock.kind === "official") {
    return "A job of the official package holds it. That package does not tell where it runs.";
  }
  const who = lock.kind === "ownerless" ? "Somebody without a name" : `The owner "${owner}"`;
  return `${who} holds it. Which process that is cannot be known.`;
}

function processInWords({ host, pid, package: version }: LockProcess): string {
  return `${shown(host)}, pid ${shown(String(pid))} (version ${shown(version)}),`;
}

function stuckInWords({ stuckMs }: LockProcess): string {
  return stuckMs === null ? " That process answers." : ` That process answers, but its event loop has been stuck for ${duration(stuckMs)}.`;
}

function howItEnds({ kind, leaseLeftMs, state, holder, holderAnswers }: LockStatus): string[] {
  if (kind === "free" || kind === "grant") {
    return [];
  }
  if (leaseLeftMs === null) {
    return ["It has no end: it stays until somebody releases it."];
  }
  const left = duration(leaseLeftMs);
  if (holderAnswers === false) {
    return [`If nobody renews it, Redis frees it in ${left}.`];
  }
  if (state === "lost") {
    return [`Its holder has given it up for lost. Redis frees it in ${left}.`];
  }
  if (state === "suspect") {
    return [`Its holder could not renew it the last time. Redis frees it in ${left} unless that succeeds.`];
  }
  const renewed = state === "held" && holder !== null ? " and is renewed as long as the job runs" : "";
  return [`Its lease ends in ${left}${renewed}.`];
}

function whoWaits({ waiters }: LockStatus): string[] {
  const more = waiters.unknown ? " More may wait who do not tell." : "";
  if (waiters.count === 0) {
    const queued =
      waiters.clients > 0 ? `${counted(waiters.clients, "client")} in the queue did not say for whom.` : "Nobody is known to wait.";
    return [`${queued}${more}`];
  }
  const verb = waiters.count === 1 ? "waits" : "wait";
  const places = waiters.processes.slice(0, MOST_PROCESSES).map(({ host, pid, count, longestMs, labels }) => {
    const names = labels.length > 0 ? ` (${labels.map(shown).join(", ")})` : "";
    return `${placeOf({ host, pid })}: ${count} for ${duration(longestMs)}${names}`;
  });
  const others = waiters.processes.length - places.length;
  const rest = others > 0 ? `; and ${others} more processes` : "";
  return [`${counted(waiters.count, "call")} ${verb}, the longest for ${duration(waiters.longestMs)}: ${places.join("; ")}${rest}.${more}`];
}

function whenToRelease({ holder, holderAnswers }: LockStatus): string {
  if (holderAnswers === false) {
    return "Look at that process first: its job may well run. Only if it is gone, free the lock:";
  }
  if (holder?.stuckMs) {
    return "Look at what that process computes. To go on without it:";
  }
  if (holder) {
    return "If the job should not run any more, end it there. To take the lock from it, of which it is told:";
  }
  return "If its owner is gone, free the lock:";
}
