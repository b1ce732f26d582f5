import { Modules } from "@medusajs/framework/utils";
import { createStep, StepResponse } from "@medusajs/framework/workflows-sdk";

/** The provider's name in Medusa's documentation: the prefix `lp_` and the id of medusa-config.ts. */
const provider = process.env.LOCK_PROVIDER_ID || "lp_locking-redis";

export const lockProductStep = createStep(
  "lock-product",
  async (productId: string, { container }) => {
    const lockingModuleService = container.resolve(Modules.LOCKING);

    await lockingModuleService.acquire(productId, { provider });

    return new StepResponse(productId, productId);
  },
  async (productId, { container }) => {
    // Without an id the step itself failed, so another caller has the lock.
    if (!productId) {
      return;
    }
    await container.resolve(Modules.LOCKING).release(productId, { provider });
  },
);

export const unlockProductStep = createStep("unlock-product", async (productId: string, { container }) => {
  const released = await container.resolve(Modules.LOCKING).release(productId, { provider });

  return new StepResponse(released);
});
