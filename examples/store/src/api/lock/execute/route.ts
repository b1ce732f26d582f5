import type { MedusaRequest, MedusaResponse } from "@medusajs/framework/http";
import { ContainerRegistrationKeys, Modules } from "@medusajs/framework/utils";
import { visit } from "../../../workflows/steps/visit";
import { visitRequest } from "../visit-request";

/**
 * Holds the lock with the section's name for `holdMs`, with `execute`. With `?background=true` the answer does not wait for the job. Like a
 * scheduled job or a subscriber, the job then still runs when the server is told to stop.
 */
export async function POST(req: MedusaRequest, res: MedusaResponse) {
  const input = visitRequest(req.body);
  const job = req.scope.resolve(Modules.LOCKING).execute(input.section, () => visit(req.scope, input), { timeout: 30 });
  if (req.query.background === "true") {
    job.catch((error) => req.scope.resolve(ContainerRegistrationKeys.LOGGER).error("the background job failed", error));
    res.status(202).json({ accepted: true });
    return;
  }
  res.json({ visit: await job });
}
