// Makes the table of findings in docs/OPERATIONS.md from the table in the package, and says whether it is up to date.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { OPERATIONS_FILE, withFindings } from "../harness/findings-document.mjs";
import { ROOT } from "../harness/paths.mjs";
import { runMain, UserError } from "../harness/process.mjs";
import { ensureBuilt } from "../harness/setup.mjs";

const USAGE = `usage: node scripts/findings-table.mjs [--write]
  --write   make the table in docs/OPERATIONS.md anew`;

await runMain(async () => {
  const { write } = readCommandLine({ usage: USAGE, flags: { write: { kind: "switch" } } });
  await ensureBuilt();
  const { FINDINGS } = createRequire(import.meta.url)(path.join(ROOT, "provider", "dist", "inspect", "doctor", "findings.js"));
  const text = fs.readFileSync(OPERATIONS_FILE, "utf8");
  const document = withFindings(text, FINDINGS);
  if (write) fs.writeFileSync(OPERATIONS_FILE, document);
  else if (text !== document) throw new UserError("docs/OPERATIONS.md is not up to date; run node scripts/findings-table.mjs --write");
});
