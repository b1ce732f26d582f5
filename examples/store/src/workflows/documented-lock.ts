import { createWorkflow, WorkflowResponse } from "@medusajs/framework/workflows-sdk";
import { lockProductStep, unlockProductStep } from "./steps/product-lock";
import { type VisitInput, visitStep } from "./steps/visit";

/** Locks with the Locking Module's service inside a step, as Medusa's documentation shows it. */
export const documentedLockWorkflow = createWorkflow("documented-lock", (input: VisitInput) => {
  lockProductStep("prod_123");
  const visit = visitStep(input);
  const released = unlockProductStep("prod_123");

  return new WorkflowResponse({ visit, released });
});
