import { MedusaError } from "@medusajs/framework/utils";
import type { VisitInput } from "../../workflows/steps/visit";

/**
 * Reads a visit from a request's body.
 *
 * @throws MedusaError of type INVALID_DATA (HTTP 400) if `section` is no text or `holdMs` is no number from 0 to 60,000
 */
export function visitRequest(body: unknown): VisitInput {
  const { section, holdMs } = (body ?? {}) as Record<string, unknown>;
  if (typeof section !== "string" || section === "") {
    throw new MedusaError(MedusaError.Types.INVALID_DATA, "section must be a text");
  }
  if (typeof holdMs !== "number" || !(holdMs >= 0 && holdMs <= 60_000)) {
    throw new MedusaError(MedusaError.Types.INVALID_DATA, "holdMs must be a number from 0 to 60000");
  }
  return { section, holdMs };
}
