import type { MedusaRequest, MedusaResponse } from "@medusajs/framework/http";
import { outerWorkflow } from "../../../workflows/nested-lock";

/** Runs a workflow inside a workflow. Both lock the same key. */
export async function POST(req: MedusaRequest, res: MedusaResponse) {
  const { result } = await outerWorkflow(req.scope).run({ input: {} });
  res.json(result);
}
