// A process of its own that watches one key. Its arguments are port and key. It says "ready". On any message it sends the distinct owners that
// it has seen (null: nobody), and ends.

import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../../harness/resp-client.mjs";

const [port, key] = process.argv.slice(2);
const client = await connect({ port: Number(port) });
const seen = new Set();
let ended = false;
process.once("message", () => {
  ended = true;
});
seen.add(await client.command("GET", key));
process.send("ready");
// The loop has a limit, in case the parent is gone.
for (let count = 0; count < 6_000 && !ended; count += 1) {
  seen.add(await client.command("GET", key));
  await sleep(5);
}
client.close();
process.send([...seen], () => process.disconnect());
