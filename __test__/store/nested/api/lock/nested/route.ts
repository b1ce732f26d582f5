import type { MedusaRequest, MedusaResponse } from "@medusajs/framework/http";
import { outerWorkflow } from "../../../workflows/nested-lock";

/** Runs a workflow in a workflow, both of which lock the same key. */
export async function POST(req: MedusaRequest, res: MedusaResponse) {
  const { result } = await outerWorkflow(req.scope).run({ input: {} });
  res.json(result);
}
