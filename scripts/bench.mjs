// `npm run bench`: installs the benchmark's own packages and our tarballs in bench/, starts a private Redis and runs the benchmark there.

import path from "node:path";
import { benchFlags } from "../bench/src/flags.mjs";
import { runBenchmark } from "../bench/src/main.mjs";
import { report } from "../bench/src/report.mjs";
import { installPacked } from "../harness/install-packed.mjs";
import { ROOT } from "../harness/paths.mjs";
import { runMain } from "../harness/process.mjs";
import { startServer } from "../harness/redis-servers.mjs";
import { connect } from "../harness/resp-client.mjs";

async function main() {
  const flags = benchFlags();
  const progress = (text) => console.error(text);
  progress("preparing the packages");
  const tarballs = flags.contestants.includes("ours") ? undefined : [];
  await installPacked({ target: path.join(ROOT, "bench"), tarballs, ownManifest: true });

  const server = await startServer({ version: "7.0" });
  let observer;
  try {
    observer = await connect({ port: server.port });
    const { failure, ...results } = await runBenchmark({ ...flags, url: server.url, observer, progress });
    // If a scenario fails after an hour, the figures of the scenarios before it are still printed.
    console.log(flags.json ? JSON.stringify(results, null, 2) : report(results));
    if (failure) throw failure;
  } finally {
    observer?.close();
    await server.stop();
  }
}

await runMain(main);
