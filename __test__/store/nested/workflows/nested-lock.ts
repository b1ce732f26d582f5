import { Modules } from "@medusajs/framework/utils";
import { createStep, createWorkflow, StepResponse, WorkflowResponse } from "@medusajs/framework/workflows-sdk";

const KEY = "cart_nested";

/** Takes the key that the workflow around it holds, and reports the result. */
const innerStep = createStep("nested-inner-step", async (_: object, { container }) => {
  try {
    await container.resolve(Modules.LOCKING).execute(KEY, async () => {}, { timeout: 1 });
    return new StepResponse({ code: "none", cause: "" });
  } catch (error) {
    const { code, cause } = error as Error & { code: string };
    return new StepResponse({ code, cause: cause instanceof Error ? cause.message : "" });
  }
});

const innerWorkflow = createWorkflow("nested-inner", () => new WorkflowResponse(innerStep({})));

const outerStep = createStep("nested-outer-step", async (_: object, { container }) => {
  const inner = () => innerWorkflow(container).run({ input: {} });
  const args = { timeout: 10, label: "nested-outer" };
  const { result } = await container.resolve(Modules.LOCKING).execute(KEY, inner, args);
  return new StepResponse(result);
});

export const outerWorkflow = createWorkflow("nested-outer", () => new WorkflowResponse(outerStep({})));
