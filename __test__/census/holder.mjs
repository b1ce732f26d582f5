// A process whose job holds a key. If it is told to, it blocks its event loop. It ends when its parent says so.

import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";
import { block } from "../support/testbed.mjs";

const { options, key, label, blockMs } = JSON.parse(process.argv[2]);
const booted = await bootLocking({ providers: [providerEntry(options)] });
let end = () => {};
const told = new Promise((resolve) => {
  end = resolve;
});
process.once("message", end);
const outcome = booted.locking.execute(
  key,
  async (signal) => {
    process.send("held");
    if (blockMs > 0) setTimeout(block, 10, blockMs);
    signal.addEventListener("abort", () => end());
    await told;
  },
  { label },
);
const error = await outcome.then(
  () => undefined,
  (reason) => reason,
);
await booted.shutdown();
process.send({ code: error?.code, cause: error?.cause?.message }, () => process.exit(0));
