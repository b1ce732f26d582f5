import { listLocks } from "../inspect/locks";
import { EXIT } from "./exit-codes";
import { footOf, lockTable } from "./lock-table";
import type { Session } from "./session";
import { print, printJson, width } from "./terminal";

/** @internal How many locks are shown unless --limit says otherwise. */
export const MOST_LOCKS = 1_000;
const MOST_IN_TOP = 10;
/** So many locks are looked at for `top`. */
const MOST_LOOKED_AT = 100_000;

/** @internal All locks. */
export async function list({ inspector, settings, given }: Session): Promise<number> {
  const found = await listLocks(inspector, settings.prefix, given.number("limit") ?? MOST_LOCKS);
  if (given.has("json")) {
    printJson(found);
  } else {
    print([...(found.locks.length > 0 ? lockTable(found.locks, width()) : []), footOf(found)]);
  }
  return EXIT.fine;
}

/** @internal The locks that are waited for longest. */
export async function top({ inspector, settings, given }: Session): Promise<number> {
  const found = await listLocks(inspector, settings.prefix, MOST_LOOKED_AT);
  const waited = found.locks.filter(({ waiters }) => waiters.count > 0 || waiters.clients > 0);
  const most = given.number("limit") ?? MOST_IN_TOP;
  const cut = { ...found, locks: waited.slice(0, most), more: waited.length > most };
  if (given.has("json")) {
    printJson(cut);
  } else if (cut.locks.length === 0) {
    print([`Nobody is known to wait. ${footOf(found)}`]);
  } else {
    print([...lockTable(cut.locks, width()), footOf(cut)]);
  }
  return EXIT.fine;
}
