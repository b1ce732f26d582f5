import { parseArgs } from "node:util";
import { usageError } from "./exit-codes";

/** @internal The longest timer of Node.js, in seconds. A longer timer fires at once. */
export const LONGEST_TIMER_S = 2_147_483;

/** @internal One flag of a command. */
export interface Flag {
  /** `switch`: without a value. `seconds`: a number. `texts`: may be given several times. */
  kind: "switch" | "text" | "texts" | "count" | "seconds";
  /** The only allowed values of a `text`. */
  choices?: readonly string[];
  /** The help's name for the value. */
  value?: string;
  help: string;
  /** Smallest value of a `count` or of `seconds`; default 0. */
  least?: number;
  /** Highest value; default none. */
  most?: number;
  /** A word that means "no limit". */
  endless?: string;
}

/** @internal One command, as the help describes it. */
export interface CommandSpec {
  name: string;
  /** The operands after the name and the flags. */
  operands: string;
  /** The required number of words that are not flags. */
  words: number;
  /** One line for the list of commands. */
  summary: string;
  /** The description of the command, in paragraphs. */
  about: string[];
  flags: Record<string, Flag>;
  examples: string[];
  /** Lines about exit codes. */
  exits: string[];
  /** A program and its arguments follow after `--`. */
  takesProgram?: boolean;
}

/** @internal The flags and words of a command line. */
export interface Given {
  words: string[];
  /** The words after `--`, for a command that takes a program. */
  program: string[];
  text(name: string): string | undefined;
  texts(name: string): string[];
  /** The value of a `count` or of `seconds`; Infinity for the word that means "no limit". */
  number(name: string): number | undefined;
  has(name: string): boolean;
}

/** @internal Parses the words after the command's name. Throws CommandError. */
export function readFlags(spec: CommandSpec, common: Record<string, Flag>, args: string[]): Given {
  const flags = { ...common, ...spec.flags };
  const cut = spec.takesProgram ? args.indexOf("--") : -1;
  // Without `--`, the program's own flags are taken for flags of this command.
  const lacksMark = spec.takesProgram === true && cut === -1;
  const hint = `${lacksMark ? "; put -- before the command" : ""}; "medusa-locking-redis ${spec.name} --help" explains it`;
  const own = cut === -1 ? args : args.slice(0, cut);
  const { values, positionals, tokens } = parse(flags, own, hint);
  const names = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
  const twice = names.find((name, at) => flags[name]?.kind !== "texts" && names.indexOf(name) !== at);
  if (twice !== undefined) {
    throw usageError(`--${twice} is given twice${hint}`);
  }
  const numbers = new Map(
    Object.entries(flags)
      .filter(([name, { kind }]) => (kind === "count" || kind === "seconds") && values[name] !== undefined)
      .map(([name, flag]) => [name, numberOf(name, flag, String(values[name]), hint)]),
  );
  checkChoices(flags, values, hint);
  const given: Given = {
    words: positionals,
    program: cut === -1 ? [] : args.slice(cut + 1),
    text: (name) => (typeof values[name] === "string" ? values[name] : undefined),
    texts: (name) => (Array.isArray(values[name]) ? values[name].map(String) : []),
    number: (name) => numbers.get(name),
    has: (name) => values[name] === true,
  };
  if (!given.has("help")) {
    checkWords(spec, positionals.length, hint);
  }
  return given;
}

function parse(flags: Record<string, Flag>, args: string[], hint: string) {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { kind }]) => [
      name,
      { type: kind === "switch" ? ("boolean" as const) : ("string" as const), multiple: kind === "texts" },
    ]),
  );
  try {
    return parseArgs({ args, options, allowPositionals: true, tokens: true });
  } catch (error) {
    if (!(error instanceof Error) || !String((error as { code?: unknown }).code).startsWith("ERR_PARSE_ARGS")) {
      throw error;
    }
    // After the first sentence or line the message of Node.js only explains ways around the error, which help nobody here.
    const [message = ""] = error.message.split(/\.\s|\.$|\n/);
    throw usageError(`${message.charAt(0).toLowerCase()}${message.slice(1)}${hint}`);
  }
}

function numberOf(name: string, { kind, least = 0, most = Number.MAX_VALUE, endless }: Flag, text: string, hint: string): number {
  if (endless !== undefined && text === endless) {
    return Number.POSITIVE_INFINITY;
  }
  const isNumber = kind === "count" ? /^\d+$/.test(text) : /^\d+(\.\d+)?$/.test(text);
  const value = Number(text);
  if (!isNumber || value < least || value > most) {
    const what = kind === "count" ? "a whole number" : "a number of seconds";
    const highest = most === Number.MAX_VALUE ? "" : ` and at most ${most}`;
    throw usageError(`--${name} must be ${what}, at least ${least}${highest}${endless ? `, or "${endless}"` : ""}${hint}`);
  }
  return value;
}

/** The error does not repeat the value, which may be a URL with a password. */
function checkChoices(flags: Record<string, Flag>, values: Record<string, unknown>, hint: string): void {
  for (const [name, { choices }] of Object.entries(flags)) {
    const value = values[name];
    if (choices && typeof value === "string" && !choices.includes(value)) {
      throw usageError(`--${name} must be ${choices.join(" or ")}${hint}`);
    }
  }
}

/** The error does not repeat the words, one of which may be a URL with a password. */
function checkWords({ name, words, operands }: CommandSpec, given: number, hint: string): void {
  if (given < words) {
    throw usageError(`${name} needs ${operands}${hint}`);
  }
  if (given > words) {
    throw usageError(`${name} takes ${words === 0 ? "no argument" : `one ${operands}`}, got ${given}${hint}`);
  }
}
