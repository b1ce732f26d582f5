import { MedusaError } from "@medusajs/framework/utils";

/** The part of a database connection that is needed: Medusa's own connection (Knex), or a transaction of it. */
export type Connection = {
  raw(sql: string, bindings: readonly unknown[]): Promise<{ rowCount: number | null }>;
};

/** Names of tables and columns go into the statement unchanged, so they must not come from a request. */
export type FencedUpdate = {
  table: string;
  /** The column and the value that identify the row. */
  row: readonly [column: string, value: string];
  /** Columns to set. */
  set: Readonly<Record<string, string | number | boolean | null>>;
  /** The fencing token of the hold under which the row is written. */
  token: number | undefined;
};

/**
 * Updates a row unless a later hold of its lock has already written it: `UPDATE … SET …, fence = $token WHERE … AND fence < $token`. The
 * column `fence` is a `bigint not null default 0`. A holder that was suspended or cut off may go on after its lease lapsed and another
 * holder began. Redis cannot stop this holder then, but the row can.
 *
 * Use one update per row and hold, so put all values that belong together into one `set`. If that is not possible, `fence <= $token` allows
 * several updates.
 *
 * @throws MedusaError of type CONFLICT if a later hold has written the row, or if there is no such row; nothing was changed then
 * @throws MedusaError of type UNEXPECTED_STATE without a token: Redis gives none (see the package's README, "Guarantees")
 */
export async function fencedUpdate(connection: Connection, { table, row, set, token }: FencedUpdate): Promise<void> {
  if (token === undefined) {
    throw new MedusaError(MedusaError.Types.UNEXPECTED_STATE, `No fencing token for ${row[1]}: it was not written.`);
  }
  const columns = Object.keys(set);
  const assignments = [...columns, "fence"].map((column) => `"${column}" = ?`).join(", ");
  const { rowCount } = await connection.raw(`update "${table}" set ${assignments} where "${row[0]}" = ? and fence < ?`, [
    ...columns.map((column) => set[column]),
    token,
    row[1],
    token,
  ]);
  if (rowCount === 0) {
    throw new MedusaError(
      MedusaError.Types.CONFLICT,
      `${row[1]} was written under a later lock, or does not exist: this write came too late.`,
    );
  }
}
