import { createWorkflow, WorkflowResponse } from "@medusajs/framework/workflows-sdk";
import { acquireLockStep, releaseLockStep } from "@medusajs/medusa/core-flows";
import { type VisitInput, visitStep } from "./steps/visit";

/** Locks with the steps that Medusa's own workflows use. These steps try every `retryInterval` seconds, for up to `timeout` seconds. */
export const coreFlowsLockWorkflow = createWorkflow("core-flows-lock", (input: VisitInput) => {
  acquireLockStep({ key: "cart_123", timeout: 30, retryInterval: 0.05, ttl: 60 });
  const visit = visitStep(input);
  const released = releaseLockStep({ key: "cart_123" });

  return new WorkflowResponse({ visit, released });
});
