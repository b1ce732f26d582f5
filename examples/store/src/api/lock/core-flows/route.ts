import type { MedusaRequest, MedusaResponse } from "@medusajs/framework/http";
import { coreFlowsLockWorkflow } from "../../../workflows/core-flows-lock";
import { visitRequest } from "../visit-request";

export async function POST(req: MedusaRequest, res: MedusaResponse) {
  const { result } = await coreFlowsLockWorkflow(req.scope).run({ input: visitRequest(req.body) });

  res.json(result);
}
