import { ContainerRegistrationKeys } from "@medusajs/framework/utils";
import { handled } from "../../../../lib/handled";
import { operationsOf } from "../../../../lib/operations";
import { operatorOf } from "../../../../lib/operator";
import { Refusal } from "../../../../lib/refusal";
import { parseRelease } from "../../../../lib/requests";

/**
 * Takes a lock from the hold that the operator saw. If the lock has another holder by now, nothing happens, and the answer is 409. If
 * nobody has the lock any more, the answer is 404.
 */
export const POST = handled(async (req) => {
  const { key, owner, token } = parseRelease(req.body);
  const operations = operationsOf(req.scope);
  const by = await operatorOf(req);
  const freed = await operations.free(key, { by, owner, token });
  if (freed.length === 0) {
    const now = await operations.lock(key);
    throw now === undefined || now.owner === null
      ? new Refusal(404, "NO_SUCH_LOCK", "Nobody has a lock on this key any more.")
      : new Refusal(409, "LOCK_CHANGED_HANDS", "Somebody else has this lock by now. Nothing was done.");
  }
  req.scope.resolve(ContainerRegistrationKeys.LOGGER).info(`locking: the lock on ${JSON.stringify(key)} was freed by ${by}`);
  return { freed: key, by };
});
