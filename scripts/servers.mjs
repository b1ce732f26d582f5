// Prints the paths of the server programs against which tests run, separated by ':' (for MLR_SERVERS). It fetches missing programs.

import { readCommandLine } from "../harness/command-line.mjs";
import { runMain, UserError } from "../harness/process.mjs";
import { ensureServerBinary, SERVER_VERSIONS } from "../harness/server-binaries.mjs";

const USAGE = `usage: node scripts/servers.mjs [version ...]
  version   ${SERVER_VERSIONS.join(", ")} (default all); 7.0 is the one of the PATH`;

await runMain(async () => {
  const { names: asked } = readCommandLine({ usage: USAGE, names: SERVER_VERSIONS });
  const paths = [];
  for (const version of asked.length > 0 ? asked : SERVER_VERSIONS) {
    try {
      paths.push(await ensureServerBinary(version));
    } catch (error) {
      // A program that is not available here must not keep the others from being tested.
      if (!(error instanceof UserError)) throw error;
      console.error(`server ${version} is left out: ${error.message}`);
    }
  }
  if (paths.length === 0) throw new UserError("no server could be had");
  console.log(paths.join(":"));
});
