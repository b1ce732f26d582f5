import type { ExecArgs } from "@medusajs/framework/types";
import { ContainerRegistrationKeys } from "@medusajs/framework/utils";

/** Creates the table in which critical sections are recorded. `medusa db:migrate` runs it once. */
export default async function createStoreVisit({ container }: ExecArgs) {
  const pg = container.resolve(ContainerRegistrationKeys.PG_CONNECTION);
  await pg.raw(`
    create table if not exists store_visit (
      id bigserial primary key,
      section text not null,
      process_id integer not null,
      entered_at timestamptz not null default clock_timestamp(),
      left_at timestamptz
    )
  `);
}
