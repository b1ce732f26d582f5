// Loads the addons in a folder on this machine, and lets each of them look for a Redis at an address where there is none. The release uses
// it to try every addon on its platform. It needs only Node.js.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/** The addon's options for a server that does not exist: nobody listens on port 1. */
const NOWHERE = {
  host: "127.0.0.1",
  port: 1,
  family: 0,
  noDelay: true,
  connectTimeoutMs: 5_000,
  database: 0,
  resp3: true,
  readyCheck: true,
  longestLoadingPauseMs: 0,
  offlineQueue: true,
  resends: true,
  mostReconnectsForAll: false,
  reconnect: "growing",
  reconnectAfterLookup: "growing",
  asksOnErrors: false,
  prefix: "medusa_lock:",
  defaultRetryIntervalMs: 5,
  maximumRetryIntervalMs: 200,
  backoffFactor: 2,
  maximumStallMs: 60_000,
  onThread: false,
  machine: "nowhere",
  runtime: `node ${process.versions.node}`,
};

const [folder = "."] = process.argv.slice(2);
const addons = fs.readdirSync(folder).filter((name) => name.endsWith(".node"));
if (addons.length === 0) {
  console.error(`error: there is no addon in ${folder}`);
  process.exit(1);
}
for (const name of addons) {
  const { NativeInspector } = createRequire(import.meta.url)(path.resolve(folder, name));
  const inspector = new NativeInspector(NOWHERE);
  const answer = await inspector.command(null, ["PING"]);
  inspector.close();
  if (!/ECONNREFUSED/.test(answer)) {
    console.error(`error: ${name} found no server where there is none, and said: ${answer}`);
    process.exit(1);
  }
  console.log(`${name}: loaded on ${process.platform}-${process.arch}, ${NOWHERE.runtime}`);
}
