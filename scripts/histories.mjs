// Histories: real processes take locks on a real Redis, while connections are cut, processes are killed, stopped and blocked, scripts and
// data are lost, and replicas are promoted. The processes record the proofs of their holds, and the records are checked.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { PHASES } from "../harness/histories/phases.mjs";
import { runPhase } from "../harness/histories/run.mjs";
import { runMain, UserError } from "../harness/process.mjs";

const COLUMNS = ["holds", "calls", "timeouts", "refused", "aborted", "lost", "failed", "faults", "permitted"];

const USAGE = `usage: node scripts/histories.mjs [--holds N] [--seed N] [--only a,b] [--keep]
  --holds N   how many in all (default 100000)
  --seed N    repeats a run's choices (default another one each time)
  --only      phases: ${Object.keys(PHASES).join(", ")} (default all)
  --keep      do not delete the records, which are kept after a violation anyway`;

const FLAGS = {
  holds: { kind: "number", range: [1, 100_000_000], default: 100_000 },
  seed: { kind: "number", range: [0, Number.MAX_SAFE_INTEGER], default: Date.now() % 1_000_000 },
  only: { kind: "names", known: Object.keys(PHASES), default: Object.keys(PHASES) },
  keep: { kind: "switch" },
};

await runMain(async () => {
  const { holds, seed, only, keep } = readCommandLine({ usage: USAGE, flags: FLAGS });
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-histories-"));
  const shares = only.reduce((sum, name) => sum + PHASES[name].share, 0);
  console.log(`seed ${seed}, records in ${folder}`);
  console.log(["phase".padEnd(9), ...COLUMNS.map((name) => name.padStart(9)), "seconds".padStart(9)].join(""));
  let recorded = 0;
  const violations = [];
  for (const [at, name] of only.entries()) {
    const share = Math.ceil((holds * PHASES[name].share) / shares);
    const result = await runPhase(name, { holds: share, seed: seed + at, folder, limitMs: 60_000 + share * 20 });
    recorded += result.holds;
    violations.push(...result.violations.map((text) => `${name}: ${text}`));
    const cells = [...COLUMNS.map((column) => result[column]), result.elapsedS.toFixed(1)];
    console.log([name.padEnd(9), ...cells.map((cell) => String(cell).padStart(9))].join(""));
  }
  console.log(`${recorded} holds, ${violations.length} violations`);
  if (violations.length > 0) throw new UserError(`records are in ${folder}\n${violations.slice(0, 20).join("\n")}`);
  if (!keep) fs.rmSync(folder, { recursive: true });
  if (recorded < holds) throw new UserError(`only ${recorded} of ${holds} holds could be recorded in the time there is`);
});
