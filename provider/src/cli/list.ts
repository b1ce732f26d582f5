import { listLocks, listWaited } from "../inspect/locks";
import { EXIT } from "./exit-codes";
import { footOf, lockTable, whoAnswered } from "./lock-table";
import { askedOf, type Session } from "./session";
import { print, printJson, width } from "./terminal";

/** @internal The number of locks that are shown unless --limit says otherwise. */
export const MOST_LOCKS = 1_000;
const MOST_IN_TOP = 10;

/** @internal Lists all locks. */
export async function list({ inspector, settings, given }: Session): Promise<number> {
  const found = await listLocks(inspector, settings.prefix, given.number("limit") ?? MOST_LOCKS);
  if (given.has("json")) {
    printJson(found);
  } else {
    print([
      ...(found.locks.length > 0 ? lockTable(found.locks, width()) : []),
      footOf(found),
      ...(found.locks.length > 0 ? [] : [`(${askedOf(settings)})`]),
    ]);
  }
  return EXIT.fine;
}

/** @internal Lists the locks that calls have waited for longest. */
export async function top({ inspector, settings, given }: Session): Promise<number> {
  const found = await listWaited(inspector, settings.prefix, given.number("limit") ?? MOST_IN_TOP);
  if (given.has("json")) {
    printJson(found);
  } else if (found.locks.length === 0) {
    print([`Nobody is known to wait; ${whoAnswered(found)}.`, `(${askedOf(settings)})`]);
  } else {
    print([...lockTable(found.locks, width()), footOf(found)]);
  }
  return EXIT.fine;
}
