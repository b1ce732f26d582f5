import type { AuthenticatedMedusaRequest } from "@medusajs/framework/http";
import { Modules } from "@medusajs/framework/utils";

/** The name of the sender of a request, for the job that loses its lock and for the log. */
export async function operatorOf(req: AuthenticatedMedusaRequest): Promise<string> {
  const { actor_id: id, actor_type: type } = req.auth_context;
  if (type !== "user") {
    return `${type} ${id}, through the Medusa Admin's API`;
  }
  const { email } = await req.scope.resolve(Modules.USER).retrieveUser(id, { select: ["email"] });
  return `${email}, in the Medusa Admin`;
}
