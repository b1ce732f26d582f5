// The test puts this file into the example store. It emits the subscriber's event.
import type { MedusaRequest, MedusaResponse } from "@medusajs/framework/http";
import { Modules } from "@medusajs/framework/utils";

export async function POST(req: MedusaRequest, res: MedusaResponse) {
  await req.scope.resolve(Modules.EVENT_BUS).emit({ name: "test.locked", data: {} });
  res.json({ emitted: true });
}
