import { setTimeout as sleep } from "node:timers/promises";
import type { MedusaRequest, MedusaResponse } from "@medusajs/framework/http";
import { MedusaError, Modules } from "@medusajs/framework/utils";
import type { Lock } from "medusa-locking-redis";
import { STOCK } from "../../../modules/stock";
import type StockService from "../../../modules/stock/service";

/** Sets a product's quantity under its lock, after `thinkMs`, which stand for the work that a real shop would do there. */
export async function POST(req: MedusaRequest, res: MedusaResponse) {
  const { sku } = req.params;
  const { quantity, thinkMs } = (req.body ?? {}) as Record<string, unknown>;
  if (!sku || typeof quantity !== "number" || typeof thinkMs !== "number") {
    throw new MedusaError(MedusaError.Types.INVALID_DATA, "quantity and thinkMs must be numbers");
  }
  const stock: StockService = req.scope.resolve(STOCK);
  await req.scope.resolve(Modules.LOCKING).execute(sku, async (_signal: AbortSignal, lock: Lock) => {
    await sleep(thinkMs);
    await stock.setQuantity(sku, quantity, lock.fencingTokens[sku]);
  });
  res.json({ sku, quantity });
}
