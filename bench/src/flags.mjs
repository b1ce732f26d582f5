// The command line of `npm run bench`.

import { readCommandLine } from "../../harness/command-line.mjs";
import { CONTESTANTS } from "./contestants.mjs";
import { PEERS } from "./peers/contestants.mjs";
import { PEER_SCENARIOS } from "./peers/scenarios.mjs";

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
  "handoff",
  "line",
  "gone",
  "fleets",
  "scale",
  "steps",
  "seen",
  "steady",
  "cluster",
  "failover",
  "switchover",
  "outage",
  ...PEER_SCENARIOS,
];

const ALL_CONTESTANTS = [...CONTESTANTS, ...PEERS];

const MAX_ROUNDS = 50;
const MAX_MINUTES = 24 * 60;

const USAGE = `usage: npm run bench -- [--json] [--quick] [--rounds N] [--only a,b] [--contestants a,b] [--minutes N]
  --json          print one JSON document on standard output instead of a table
  --quick         fewer rounds and operations: a smoke run, its figures are rough
  --rounds N      rounds per scenario, 1 to ${MAX_ROUNDS} (default 7, with --quick 2)
  --only          scenarios: ${SCENARIOS.join(", ")} (default all)
  --contestants   ${ALL_CONTESTANTS.join(", ")} (default all; the last ${PEERS.length} take part in peers-… only)
  --minutes N     length of the scenario steady, 1 to ${MAX_MINUTES} (default 5)
  --help          print this and exit`;

const FLAGS = {
  json: { kind: "switch" },
  quick: { kind: "switch" },
  rounds: { kind: "number", range: [1, MAX_ROUNDS] },
  only: { kind: "names", known: SCENARIOS, default: SCENARIOS },
  contestants: { kind: "names", known: ALL_CONTESTANTS, default: ALL_CONTESTANTS },
  minutes: { kind: "number", range: [1, MAX_MINUTES], default: 5 },
};

/**
 * @returns {{ json: boolean, quick: boolean, rounds: number, roundsGiven: boolean, only: string[], contestants: string[],
 *   minutes: number }}
 * @throws {UserError} in one line, for anything that is not in the usage text
 */
export function benchFlags() {
  const { rounds, ...flags } = readCommandLine({ usage: USAGE, flags: FLAGS });
  return { ...flags, rounds: rounds ?? (flags.quick ? 2 : 7), roundsGiven: rounds !== undefined };
}
