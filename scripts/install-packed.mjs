// Packs the package, and installs it as users do in `.cache/installed`, the project that the tests boot. Prints the folder.

import { readCommandLine } from "../harness/command-line.mjs";
import { installPacked } from "../harness/install-packed.mjs";
import { runMain } from "../harness/process.mjs";

await runMain(async () => {
  readCommandLine({ usage: "usage: node scripts/install-packed.mjs" });
  console.log(await installPacked());
});
