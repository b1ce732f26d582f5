import type { AuthenticatedMedusaRequest, MedusaResponse } from "@medusajs/framework/http";
import { codeOf } from "./operations";
import { Refusal } from "./refusal";

/** The provider's codes for a Redis that does not answer. The texts of these errors show no password. */
const REDIS_CODES = new Set(["REDIS_UNREACHABLE", "REDIS_REFUSED", "REDIS_TIMEOUT", "REDIS_AUTH_FAILED", "PROVIDER_CLOSED"]);

type Handler = (req: AuthenticatedMedusaRequest) => Promise<object>;

/**
 * A route's handler that answers with JSON. It answers a refusal itself, and also the errors of a Redis that does not answer (503), because
 * Medusa's own error handler would answer them differently. Any other error goes to Medusa, which logs it and shows nothing of it.
 */
export function handled(handler: Handler) {
  return async (req: AuthenticatedMedusaRequest, res: MedusaResponse): Promise<void> => {
    try {
      res.json(await handler(req));
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) {
        throw error;
      }
      res.status(refusal.status).json({ code: refusal.code, message: refusal.message });
    }
  };
}

function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) {
    return error;
  }
  const code = codeOf(error);
  return code !== undefined && REDIS_CODES.has(code) && error instanceof Error ? new Refusal(503, code, error.message) : undefined;
}
