// Makes docs/BENCHMARKS.md, its charts and README's section from the kept runs in bench/results.

import fs from "node:fs";
import path from "node:path";
import { publishedFiles } from "../bench/src/publish/pages.mjs";
import { storedRuns, storeRun } from "../bench/src/publish/store.mjs";
import { readCommandLine } from "../harness/command-line.mjs";
import { ROOT } from "../harness/paths.mjs";
import { runMain, UserError } from "../harness/process.mjs";

const USAGE = `usage: npm run bench:publish -- [--store FILE --name NAME] [--check]
  --store FILE   first keep the run in this file: what npm run -s bench -- --json printed
  --name NAME    of that run: lower-case letters and dashes; one of the same name is replaced
  --check        write nothing, and fail if a file is not what the kept runs make of it`;
const FLAGS = { store: { kind: "text" }, name: { kind: "text" }, check: { kind: "switch" } };

await runMain(async () => {
  const { store, name, check } = readCommandLine({ usage: USAGE, flags: FLAGS });
  if ((store === undefined) !== (name === undefined)) throw new UserError("--store and --name go together");
  if (store !== undefined) {
    if (check) throw new UserError("--check writes nothing, so it does not go with --store");
    if (!/^[a-z][a-z-]*$/.test(name)) throw new UserError(`--name must be lower-case letters and dashes, not "${name}"`);
    const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8"));
    console.log(`kept: ${path.relative(ROOT, storeRun(runIn(store), name, version))}`);
  }
  const read = (file) => (fs.existsSync(path.join(ROOT, file)) ? fs.readFileSync(path.join(ROOT, file), "utf8") : undefined);
  const files = Object.entries(publishedFiles(storedRuns(), read("README.md")));
  const other = files.filter(([file, text]) => read(file) !== text);
  if (check) {
    if (other.length > 0)
      throw new UserError(`not as the kept runs make it: ${other.map(([file]) => file).join(", ")}; run npm run bench:publish`);
    return;
  }
  for (const [file, text] of other) {
    fs.mkdirSync(path.dirname(path.join(ROOT, file)), { recursive: true });
    fs.writeFileSync(path.join(ROOT, file), text);
    console.log(`written: ${file}`);
  }
});

function runIn(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${error.message.split("\n")[0]}`);
  }
}
