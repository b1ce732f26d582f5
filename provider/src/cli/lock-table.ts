import { holderInWords, waitersInWords } from "../inspect/explain";
import type { LockList, LockStatus } from "../inspect/lock-status";
import { counted, duration, shown } from "../inspect/words";
import { type Column, table } from "./table";

const COLUMNS: readonly Column[] = [
  { title: "KEY", isFlexible: true },
  { title: "HOLDER", isFlexible: true },
  { title: "LABEL", isFlexible: true },
  { title: "HELD", isRight: true },
  { title: "LEFT", isRight: true },
  { title: "WAIT", isRight: true },
  { title: "LONGEST", isRight: true },
];

/** @internal Locks as a table: its head, and one line per lock. */
export function lockTable(locks: readonly LockStatus[], width: number | undefined): string[] {
  return table(COLUMNS, locks.map(rowOf), width);
}

function rowOf(lock: LockStatus): string[] {
  const { key, label, heldMs, leaseLeftMs, owner, waiters } = lock;
  return [
    shown(key),
    holderInWords(lock),
    label === null ? "" : shown(label),
    heldMs === null ? "" : duration(heldMs),
    leaseLeftMs === null ? (owner === null ? "" : "no end") : duration(leaseLeftMs),
    waitersInWords(lock),
    waiters.longestMs > 0 ? duration(waiters.longestMs) : "",
  ];
}

/** @internal The lines below a list of locks. */
export function footOf(list: LockList): string {
  return `${counted(list.locks.length, "lock")}${list.more ? ", and more (--limit)" : ""}; ${whoAnswered(list)}.`;
}

/** @internal How many instances answered. */
export function whoAnswered({ processes, unasked }: LockList): string {
  return unasked === null ? `${counted(processes, "instance")} answered` : `instances could not be asked (${shown(unasked)})`;
}
