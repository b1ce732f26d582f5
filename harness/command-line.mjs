// The command line of all commands: flags by `util.parseArgs`, and one clear line about an error in them.

import { parseArgs } from "node:util";
import { UsageAsked, UserError } from "./process.mjs";

/**
 * A flag with a value or without.
 *
 * @typedef {object} Flag
 * @property {"switch" | "number" | "names" | "text"} kind `number` is a whole number; `names` are some of `known`, separated by commas
 * @property {[number, number]} [range] the least and the largest number
 * @property {string[]} [known] all allowed names
 * @property {any} [default]
 */

/**
 * Reads the command line. `--help` is known to every command.
 *
 * @param {object} command
 * @param {string} command.usage its first line is `usage: COMMAND …`, where two spaces, or a bracket, end the command
 * @param {Record<string, Flag>} [command.flags] by name, without the dashes
 * @param {string[]} [command.names] the words that are allowed without a flag; default none
 * @param {string[]} [args] default this process's
 * @returns {Record<string, any>} a value per flag. A flag that is not given has its default, and a switch has `false`. With `command.names`
 *   there is also `names`: the given names, without duplicates, in the order of `command.names`
 * @throws {UserError} in one line, for anything that is not in `command`
 * @throws {UsageAsked} for `--help`
 */
export function readCommandLine({ usage, flags = {}, names }, args = process.argv.slice(2)) {
  const hint = `(${usage.match(/^usage: (.*?)(?: *\[|$)/m)[1]} --help lists what there is)`;
  const { values, positionals, tokens } = parse(args, flags, hint);
  if (values.help) throw new UsageAsked(usage);
  const given = tokens.filter((token) => token.kind === "option").map((token) => token.name);
  const twice = given.find((name, at) => given.indexOf(name) !== at);
  if (twice !== undefined) throw new UserError(`--${twice} is given twice ${hint}`);
  const read = Object.entries(flags).map(([name, flag]) => {
    const value = values[name];
    return [
      name,
      value === undefined ? (flag.default ?? (flag.kind === "switch" ? false : undefined)) : READERS[flag.kind](name, value, flag),
    ];
  });
  const unknown = positionals.find((name) => !names?.includes(name));
  if (unknown !== undefined) throw new UserError(`unknown argument "${unknown}"; ${knownNames(names)} ${hint}`);
  return { ...Object.fromEntries(read), ...(names && { names: names.filter((name) => positionals.includes(name)) }) };
}

function parse(args, flags, hint) {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { kind }]) => [name, { type: kind === "switch" ? "boolean" : "string" }]),
  );
  try {
    return parseArgs({ args, options: { ...options, help: { type: "boolean" } }, allowPositionals: true, tokens: true });
  } catch (error) {
    if (!error.code?.startsWith("ERR_PARSE_ARGS")) throw error;
    // After the first sentence the message of Node.js only explains ways around the error, which help nobody here.
    throw new UserError(`${error.message.split(/\.\s/)[0]} ${hint}`);
  }
}

const READERS = {
  switch: (_name, value) => value,
  text: (_name, value) => value,
  number(name, text, { range: [least, most] }) {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new UserError(`--${name} must be a whole number from ${least} to ${most}, not "${text}"`);
    }
    return value;
  },
  names(name, text, { known }) {
    const names = text.split(",").map((part) => part.trim());
    const unknown = names.find((part) => !known.includes(part));
    if (unknown !== undefined) throw new UserError(`--${name} does not know "${unknown}"; ${knownNames(known)}`);
    return known.filter((part) => names.includes(part));
  },
};

function knownNames(names) {
  return names ? `there are ${names.join(", ")}` : "there are only flags";
}
