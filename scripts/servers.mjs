// Prints the paths of the server programs that tests run against, separated by ':' (for MLR_SERVERS); fetches what is not there yet.
//   node scripts/servers.mjs [version...]     version: 7.0 (the one of the PATH), 6.2, 8.2, valkey-8.1; default all

import { runMain, UserError } from "../harness/process.mjs";
import { ensureServerBinary, SERVER_VERSIONS } from "../harness/server-binaries.mjs";

await runMain(async () => {
  const asked = process.argv.slice(2);
  const unknown = asked.find((version) => !SERVER_VERSIONS.includes(version));
  if (unknown) throw new UserError(`unknown server version "${unknown}": known are ${SERVER_VERSIONS.join(", ")}`);
  const paths = [];
  for (const version of asked.length > 0 ? asked : SERVER_VERSIONS) {
    try {
      paths.push(await ensureServerBinary(version));
    } catch (error) {
      // One that cannot be had here must not keep the others from being tested.
      if (!(error instanceof UserError)) throw error;
      console.error(`server ${version} is left out: ${error.message}`);
    }
  }
  if (paths.length === 0) throw new UserError("no server could be had");
  console.log(paths.join(":"));
});
