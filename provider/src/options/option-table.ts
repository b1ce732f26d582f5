import { optionError } from "../client/errors";
import { didYouMean } from "./did-you-mean";

/**
 * The treatment of an option of ioredis or Node. `honoured`: it works. `ignored`: it is skipped silently. `warned`: it is skipped, and the log says
 * so. `refused`: the boot fails.
 */
export type Treatment = "honoured" | "ignored" | "warned" | "refused";

/** One option. */
export interface OptionRow {
  readonly name: string;
  readonly treatment: Treatment;
  /** A sentence for the documentation. In a warning or an error it follows the option's name ("is not supported"). */
  readonly sentence: string;
  /** Values of a warned or refused option that ask for the actual behaviour, besides null. */
  readonly harmless: readonly unknown[];
}

/** Options by name. The compiler knows two sets of names: all options, and the honoured ones. */
export interface OptionTable<Name extends string = string, Honoured extends string = string> extends ReadonlyMap<string, OptionRow> {
  readonly names?: Name;
  readonly honoured?: Honoured;
}

/** The names in a table. */
export type NameIn<Table extends OptionTable> = NonNullable<Table["names"]>;

/** The names of the honoured options in a table. */
export type HonouredIn<Table extends OptionTable> = NonNullable<Table["honoured"]>;

type NamesIn<T> = { [K in keyof T]: keyof T[K] & string }[keyof T];

type Texts = Record<string, string | readonly [sentence: string, ...harmless: unknown[]]>;

/** @internal Makes a table. */
export function optionTable<const T extends Partial<Record<Treatment, Texts>>>(
  texts: T,
): OptionTable<NamesIn<T>, T extends { honoured: infer Honoured } ? keyof Honoured & string : never> {
  const rows = Object.entries(texts).flatMap(([treatment, options]) =>
    Object.entries(options).map(([name, text]): OptionRow => {
      const [sentence, ...harmless] = typeof text === "string" ? [text] : text;
      return { name, treatment: treatment as Treatment, sentence, harmless };
    }),
  );
  return new Map(rows.map((row) => [row.name, row]));
}

/**
 * @internal Looks an option up by `name`. Throws INVALID_OPTION if it is refused; adds a line to `warnings` if the user should know. `label` is the
 * option's name for the user, `kind` the word for an option of this table.
 */
export function judgeOption(table: OptionTable, kind: string, name: string, value: unknown, label: string, warnings: string[]): void {
  if (value === undefined) {
    return;
  }
  const row = table.get(name);
  if (!row) {
    warnings.push(`${label} is not ${kind}, ignored.${didYouMean(name, table.keys())}`);
  } else if (value === null || row.harmless.includes(value)) {
    return;
  } else if (row.treatment === "warned") {
    warnings.push(`${label} ${row.sentence}.`);
  } else if (row.treatment === "refused") {
    throw optionError(label, row.sentence);
  }
}
