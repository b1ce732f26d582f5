import { setTimeout as sleep } from "node:timers/promises";
import type { MedusaContainer } from "@medusajs/framework/types";
import { ContainerRegistrationKeys } from "@medusajs/framework/utils";
import { createStep, StepResponse } from "@medusajs/framework/workflows-sdk";

export type VisitInput = {
  /** The name of the critical section: no two visits of one section may overlap. */
  section: string;
  /** How long the visit lasts, in milliseconds. */
  holdMs: number;
};

/**
 * The work that a lock protects. It records its start and its end by the database's clock, so that two visits at the same time can be seen,
 * whichever processes they ran in.
 *
 * @returns the number of the visit
 */
export async function visit(container: MedusaContainer, { section, holdMs }: VisitInput): Promise<number> {
  const pg = container.resolve(ContainerRegistrationKeys.PG_CONNECTION);
  const [row] = await pg("store_visit").insert({ section, process_id: process.pid }).returning("id");
  await sleep(holdMs);
  await pg("store_visit")
    .where({ id: row.id })
    .update({ left_at: pg.raw("clock_timestamp()") });
  return Number(row.id);
}

export const visitStep = createStep("visit", async (input: VisitInput, { container }) => {
  return new StepResponse(await visit(container, input));
});
