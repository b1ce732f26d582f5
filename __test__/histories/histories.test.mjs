// A short history of every phase; `node scripts/histories.mjs` runs a long one.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test, { after, before } from "node:test";
import { PHASES } from "../../harness/histories/phases.mjs";
import { runPhase } from "../../harness/histories/run.mjs";

const HOLDS = 250;
const LIMIT_MS = 60_000;

let folder;
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-histories-"));
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

for (const name of Object.keys(PHASES)) {
  test(`nothing that was promised is broken in the phase "${name}"`, async () => {
    const seed = Date.now() % 1_000_000;
    const { holds, violations } = await runPhase(name, { holds: HOLDS, seed, folder, limitMs: LIMIT_MS });
    assert.deepEqual(violations, [], `seed ${seed}`);
    assert.ok(holds >= HOLDS, `only ${holds} holds were recorded in ${LIMIT_MS} ms`);
  });
}

test("a release that does not look at the owner shows as two holders", async () => {
  // Each replacement has the same length, so that nothing else of the command changes. The changed scripts have other hashes, so the client
  // sends the texts each time.
  const slips = [
    ["local owner, grant, me, ticket, served = ARGV", "== owner", "        "],
    ["local owner, stride = ARGV", "~= owner", "== false"],
  ];
  const carelessly = (command) => {
    const slip = slips.find(([mark]) => command.includes(mark));
    return slip ? Buffer.from(command.toString("latin1").replaceAll(slip[1], slip[2]), "latin1") : command;
  };
  // A client whose lock was lost with the data gives back a lock that another client has by then.
  const { violations } = await runPhase("flush", { holds: 40 * HOLDS, seed: 1, folder, limitMs: LIMIT_MS, rewrite: carelessly });
  assert.match(violations.join("\n"), /two holders of/);
});
