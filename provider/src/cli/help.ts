import type { CommandSpec, Flag } from "./flags";
import { COMMANDS, COMMON } from "./specs";
import { wrapped } from "./table";

/** The width of a help text, which fits into any terminal. */
const WIDTH = 80;

/** @internal The text of `--help` without a command. */
export function generalHelp(): string {
  const lines = [
    "usage: medusa-locking-redis COMMAND [FLAGS]",
    "",
    "Looks at the locks of medusa-locking-redis in Redis: who holds them, who waits.",
    "",
    "commands:",
    ...columns(COMMANDS.map(({ name, operands, summary }) => [`${name}${operands === "KEY" ? " KEY" : ""}`, summary])),
    "",
    "flags of every command:",
    ...flagLines(COMMON),
    "",
    ...wrapped(
      "Arguments can be seen by other users of this machine (ps). LOCKING_REDIS_URL in the environment keeps a password from them. NODE_EXTRA_CA_CERTS=FILE names an authority for rediss://.",
      WIDTH,
    ),
    "",
    "exit codes: 0 fine, 1 something is wrong or not there, 2 wrong usage,",
    '3 Redis cannot be reached or refuses. "run" has its own: run --help.',
  ];
  return `${lines.join("\n")}\n`;
}

/** @internal The text of `COMMAND --help`. */
export function commandHelp(spec: CommandSpec): string {
  const lines = [
    `usage: medusa-locking-redis ${spec.name} [FLAGS]${spec.operands ? ` ${spec.operands}` : ""}`,
    "",
    ...spec.about.flatMap((paragraph) => [...wrapped(paragraph, WIDTH), ""]),
    ...(Object.keys(spec.flags).length > 0 ? ["flags:", ...flagLines(spec.flags), ""] : []),
    "flags of every command:",
    ...flagLines(COMMON),
    "",
    "exit codes:",
    ...spec.exits.flatMap((text) => wrapped(text, WIDTH - 2).map((line) => `  ${line}`)),
    "",
    "examples:",
    ...spec.examples.map((example) => `  ${example}`),
  ];
  return `${lines.join("\n")}\n`;
}

function flagLines(flags: Record<string, Flag>): string[] {
  return columns(Object.entries(flags).map(([name, { value, help }]) => [`--${name}${value ? ` ${value}` : ""}`, help]));
}

function columns(rows: string[][]): string[] {
  const first = Math.max(...rows.map(([name = ""]) => name.length)) + 4;
  return rows.flatMap(([name = "", text = ""]) =>
    wrapped(text, WIDTH - first).map((line, at) => `${(at === 0 ? `  ${name}` : "").padEnd(first)}${line}`),
  );
}
