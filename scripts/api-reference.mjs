// `npm run docs:api`: the reference of all exports of the package as HTML, made from the comments in its source.

import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { CACHE, ROOT } from "../harness/paths.mjs";
import { run, runMain, UserError } from "../harness/process.mjs";
import { ensureBuilt, ensureNodeModules } from "../harness/setup.mjs";

const USAGE = "usage: npm run docs:api\n  It writes .cache/api/index.html.";
const TYPEDOC = path.join(ROOT, "node_modules", "typedoc", "bin", "typedoc");
const OUT = path.join(CACHE, "api");

await runMain(async () => {
  readCommandLine({ usage: USAGE });
  await ensureNodeModules({ log: console.log });
  // The types of the binding come from the addon.
  await ensureBuilt();
  const { code, stdout, stderr } = await run(process.execPath, [TYPEDOC, "--out", OUT], { cwd: ROOT });
  if (code !== 0) throw new UserError(`typedoc is not content:\n${stdout}${stderr}`);
  console.log(path.join(OUT, "index.html"));
});
