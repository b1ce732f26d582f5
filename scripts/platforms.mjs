// The platform lab: it builds the addon for platforms other than this machine's platform, loads the packed package there, and runs the
// conformance tests. It fetches everything once from Debian, PyPI, npm and crates.io, and installs nothing.

import fs from "node:fs";
import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { PLATFORMS } from "../harness/platforms/index.mjs";
import { LAB } from "../harness/platforms/kept.mjs";
import { PLATFORMS_FILE, platformsDocument, tableOf } from "../harness/platforms/table.mjs";
import { tryPlatform } from "../harness/platforms/try-platform.mjs";
import { runMain, UserError } from "../harness/process.mjs";

const USAGE = `usage: npm run platforms -- [--write] [PLATFORM …]
  --write   put the table of the last run of each platform into docs/PLATFORMS.md
platforms (default all): ${Object.keys(PLATFORMS).join(", ")}`;
const RESULTS = path.join(LAB, "results.json");

function resultsSoFar() {
  return fs.existsSync(RESULTS) ? JSON.parse(fs.readFileSync(RESULTS, "utf8")) : {};
}

await runMain(async () => {
  const known = Object.keys(PLATFORMS);
  const { write, names } = readCommandLine({ usage: USAGE, flags: { write: { kind: "switch" } }, names: known });
  const wanted = names.length > 0 ? names : known;
  const failures = [];
  const tried = [];
  fs.mkdirSync(LAB, { recursive: true });
  for (const name of wanted) {
    console.error(name);
    const rows = [];
    for await (const { failure, ...row } of tryPlatform(PLATFORMS[name])) {
      rows.push(row);
      console.error(`  ${row.node || row.platform}: built ${row.built}, loaded ${row.loaded}, conformance ${row.conformance}`);
      if (failure !== undefined) failures.push(`${row.platform} ${row.node}: ${failure}`);
    }
    tried.push(...rows);
    fs.writeFileSync(RESULTS, `${JSON.stringify({ ...resultsSoFar(), [name]: rows }, null, 2)}\n`);
  }
  console.log(tableOf(tried));
  const results = resultsSoFar();
  if (write) fs.writeFileSync(PLATFORMS_FILE, platformsDocument(known.flatMap((name) => results[name] ?? [])));
  if (failures.length > 0) throw new UserError(failures.join("\n\n"));
});
