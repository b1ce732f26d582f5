import { ContainerRegistrationKeys } from "@medusajs/framework/utils";
import { type Connection, fencedUpdate } from "./fenced-update";

/** The quantities of the products. */
export default class StockService {
  readonly #connection: Connection;

  constructor(container: { [ContainerRegistrationKeys.PG_CONNECTION]: Connection }) {
    this.#connection = container[ContainerRegistrationKeys.PG_CONNECTION];
  }

  /**
   * Sets the quantity of a product. The caller holds the product's lock.
   *
   * @param token the token of that hold: `lock.fencingTokens[sku]`
   * @throws as `fencedUpdate`
   */
  async setQuantity(sku: string, quantity: number, token: number | undefined): Promise<void> {
    await fencedUpdate(this.#connection, { table: "stock_level", row: ["sku", sku], set: { quantity }, token });
  }
}
