import type { MedusaRequest, MedusaResponse } from "@medusajs/framework/http";
import { documentedLockWorkflow } from "../../../workflows/documented-lock";
import { visitRequest } from "../visit-request";

/** `acquire` tries once. If another caller holds the lock, the answer is HTTP 409. */
export async function POST(req: MedusaRequest, res: MedusaResponse) {
  const { result } = await documentedLockWorkflow(req.scope).run({ input: visitRequest(req.body) });

  res.json(result);
}
