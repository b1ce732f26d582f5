import { MedusaError } from "@medusajs/framework/utils";

/** What is needed of a database connection: Medusa's own (Knex), or a transaction of it. */
export type Connection = {
  raw(sql: string, bindings: readonly unknown[]): Promise<{ rowCount: number | null }>;
};

/** Names of tables and columns stand in the statement as they are, so they must not come from a request. */
export type FencedUpdate = {
  table: string;
  /** Column and value that name the row. */
  row: readonly [column: string, value: string];
  /** Columns to set. */
  set: Readonly<Record<string, string | number | boolean | null>>;
  /** The fencing token of the hold under which this is written. */
  token: number | undefined;
};

/**
 * Updates a row unless a later hold of its lock has written it already: `UPDATE … SET …, fence = $token WHERE … AND fence < $token`. The
 * column `fence` is a `bigint not null default 0`. A holder that was suspended, or cut off, may go on after its lease lapsed and somebody
 * else began; Redis cannot stop it then, the row can.
 *
 * One update a row and hold: what belongs together goes into one `set`. Where that cannot be, `fence <= $token` allows several.
 *
 * @throws MedusaError of type CONFLICT when a later hold has written the row, or there is no such row; nothing was changed then
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
