import { handled } from "../../../lib/handled";
import { operationsOf } from "../../../lib/operations";
import { Refusal } from "../../../lib/refusal";
import { parseWanted } from "../../../lib/requests";

/** Returns the locks (`?limit=`), or one of them (`?key=`), as `LockList` and `LockStatus` of medusa-locking-redis. */
export const GET = handled(async (req) => {
  const wanted = parseWanted(req.query);
  const operations = operationsOf(req.scope);
  if ("limit" in wanted) {
    return await operations.locks({ most: wanted.limit });
  }
  const lock = await operations.lock(wanted.key);
  if (lock === undefined) {
    throw new Refusal(404, "NO_SUCH_LOCK", "Nobody has a lock on this key, and nobody waits for one.");
  }
  return { lock };
});
