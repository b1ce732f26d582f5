// The command line of `npm run bench`.

import { UserError } from "../../harness/process.mjs";
import { CONTESTANTS } from "./contestants.mjs";

/** Every scenario, in the order in which they run. */
export const SCENARIOS = [
  "sequential",
  "parallel",
  "tls",
  "signal",
  "rush",
  "hot",
  "stall",
  "pairs",
  "busy",
  "shelves",
  "sets",
  "burst",
  "empty",
  "baton",
  "line",
  "gone",
  "fleets",
  "scale",
  "steps",
  "cluster",
  "failover",
  "switchover",
  "outage",
];

const MAX_ROUNDS = 50;

export const USAGE = `usage: npm run bench -- [--json] [--quick] [--rounds N] [--only a,b] [--contestants a,b]
  --json          print one JSON document on standard output instead of a table
  --quick         fewer rounds and operations: a smoke run, its figures are rough
  --rounds N      rounds per scenario, 1 to ${MAX_ROUNDS} (default 7, with --quick 2)
  --only          scenarios: ${SCENARIOS.join(", ")} (default all)
  --contestants   ${CONTESTANTS.join(", ")} (default all)
  --help          print this and exit`;

/**
 * @param {string[]} args what follows `npm run bench --`
 * @returns {{ json: boolean, quick: boolean, help: boolean, rounds: number, roundsGiven: boolean, only: string[], contestants: string[] }}
 * @throws {UserError} in one line, for anything that is not in the usage text
 */
export function parseFlags(args) {
  const flags = { json: false, quick: false, help: false, rounds: undefined, only: SCENARIOS, contestants: CONTESTANTS };
  const seen = new Set();
  const rest = args.flatMap((arg) =>
    /^--[^=]+=/.test(arg) ? [arg.slice(0, arg.indexOf("=")), { value: arg.slice(arg.indexOf("=") + 1) }] : [arg],
  );
  const valueAfter = (flag) => {
    const next = rest.shift();
    const value = typeof next === "object" ? next.value : next;
    if (value === undefined || value === "" || (typeof next === "string" && next.startsWith("--")))
      throw new UserError(`${flag} needs a value`);
    return value;
  };
  while (rest.length > 0) {
    const flag = rest.shift();
    if (seen.has(flag)) throw new UserError(`${flag} is given twice`);
    seen.add(flag);
    switch (flag) {
      case "--json":
      case "--quick":
      case "--help":
        if (typeof rest[0] === "object") throw new UserError(`${flag} takes no value`);
        flags[flag.slice(2)] = true;
        break;
      case "--rounds":
        flags.rounds = roundsOf(valueAfter(flag));
        break;
      case "--only":
        flags.only = listOf(flag, valueAfter(flag), SCENARIOS);
        break;
      case "--contestants":
        flags.contestants = listOf(flag, valueAfter(flag), CONTESTANTS);
        break;
      default:
        throw new UserError(`unknown argument ${JSON.stringify(flag)}: see npm run bench -- --help`);
    }
  }
  flags.roundsGiven = flags.rounds !== undefined;
  flags.rounds ??= flags.quick ? 2 : 7;
  return flags;
}

function roundsOf(text) {
  const rounds = Number(text);
  if (!/^\d+$/.test(text) || rounds < 1 || rounds > MAX_ROUNDS) {
    throw new UserError(`--rounds takes a whole number from 1 to ${MAX_ROUNDS}, not ${JSON.stringify(text)}`);
  }
  return rounds;
}

function listOf(flag, text, known) {
  const names = text.split(",").map((name) => name.trim());
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined) throw new UserError(`${flag} does not know ${JSON.stringify(wrong)}: known are ${known.join(", ")}`);
  return known.filter((name) => names.includes(name));
}
