// Packs the package, installs it as users do in `.cache/installed`, the project that the tests boot, and prints the folder.
//   node scripts/install-packed.mjs

import { installPacked } from "../harness/install-packed.mjs";
import { runMain } from "../harness/process.mjs";

await runMain(async () => console.log(await installPacked()));
