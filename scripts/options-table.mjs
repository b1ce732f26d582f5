// docs/OPTIONS.md from the tables in the provider: says whether it is up to date.
//   node scripts/options-table.mjs [--write]     --write: makes it anew

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { OPTIONS_FILE, optionsDocument } from "../harness/options-document.mjs";
import { ROOT } from "../harness/paths.mjs";
import { runMain, UserError } from "../harness/process.mjs";

await runMain(async () => {
  const flags = process.argv.slice(2);
  const unknown = flags.find((flag) => flag !== "--write");
  if (unknown) throw new UserError(`unknown argument "${unknown}"; the only one is --write`);
  const dist = path.join(ROOT, "provider", "dist");
  if (!fs.existsSync(dist)) throw new UserError("there is no compiled provider; run npm run build:provider");
  const require = createRequire(import.meta.url);
  const document = optionsDocument({
    ...require(path.join(dist, "ioredis-options.js")),
    ...require(path.join(dist, "node-tls-options.js")),
    ...require(path.join(dist, "cluster-option-table.js")),
  });
  if (flags.includes("--write")) {
    fs.writeFileSync(OPTIONS_FILE, document);
  } else if (!fs.existsSync(OPTIONS_FILE) || fs.readFileSync(OPTIONS_FILE, "utf8") !== document) {
    throw new UserError("docs/OPTIONS.md is not up to date; run node scripts/options-table.mjs --write");
  }
});
