import type { ExecArgs } from "@medusajs/framework/types";
import { ContainerRegistrationKeys } from "@medusajs/framework/utils";

/** Creates the table of quantities, with one product. `medusa db:migrate` runs it once. */
export default async function createStockLevel({ container }: ExecArgs) {
  const pg = container.resolve(ContainerRegistrationKeys.PG_CONNECTION);
  await pg.raw(`
    create table if not exists stock_level (
      sku text primary key,
      quantity integer not null,
      fence bigint not null default 0
    )
  `);
  await pg.raw("insert into stock_level (sku, quantity) values ('shirt', 10) on conflict do nothing");
}
