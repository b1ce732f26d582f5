// Makes docs/OPTIONS.md from the tables in the provider, and says whether it is up to date.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { OPTIONS_FILE, optionsDocument } from "../harness/options-document.mjs";
import { ROOT } from "../harness/paths.mjs";
import { runMain, UserError } from "../harness/process.mjs";
import { ensureBuilt } from "../harness/setup.mjs";

const USAGE = `usage: node scripts/options-table.mjs [--write]
  --write   make docs/OPTIONS.md anew`;

await runMain(async () => {
  const { write } = readCommandLine({ usage: USAGE, flags: { write: { kind: "switch" } } });
  const dist = path.join(ROOT, "provider", "dist");
  await ensureBuilt();
  const require = createRequire(import.meta.url);
  const document = optionsDocument({
    ...require(path.join(dist, "options", "ioredis-options.js")),
    ...require(path.join(dist, "options", "node-tls-options.js")),
    ...require(path.join(dist, "options", "cluster-option-table.js")),
  });
  if (write) {
    fs.writeFileSync(OPTIONS_FILE, document);
  } else if (!fs.existsSync(OPTIONS_FILE) || fs.readFileSync(OPTIONS_FILE, "utf8") !== document) {
    throw new UserError("docs/OPTIONS.md is not up to date; run node scripts/options-table.mjs --write");
  }
});
