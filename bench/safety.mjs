// Measures the cost of the option `safety`: executes per second at 256 at once on distinct keys, with a master and one replica, without the
// option and with `{ replicas: 1 }`. Both take turns in one process. Run node scripts/install-packed.mjs before.

import { setTimeout as sleep } from "node:timers/promises";
import { readCommandLine } from "../harness/command-line.mjs";
import { bootLocking, providerEntry } from "../harness/locking-module.mjs";
import { runMain } from "../harness/process.mjs";
import { startServer } from "../harness/redis-servers.mjs";
import { median } from "./src/stats.mjs";

const AT_ONCE = 256;
const CALLS = 20_000;
const USAGE = `usage: node bench/safety.mjs [--rounds N]
  --rounds N   rounds after the first, which warms up (default 7)`;

async function perSecond({ locking }) {
  let left = CALLS;
  const caller = async (at) => {
    while (left-- > 0) await locking.execute(`k${at}`, async () => {});
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => caller(at)));
  return (CALLS * 1_000) / (performance.now() - began);
}

async function oneUs({ locking }) {
  const began = performance.now();
  for (let call = 0; call < 1_000; call += 1) await locking.execute("k", async () => {});
  return performance.now() - began;
}

await runMain(async () => {
  const { rounds } = readCommandLine({ usage: USAGE, flags: { rounds: { kind: "number", range: [1, 50], default: 7 } } });
  const master = await startServer({ args: ["--repl-diskless-sync-delay", "0"] });
  const replica = await startServer({ args: ["--replicaof", "127.0.0.1", String(master.port)] });
  while ((await master.cli("WAIT", 1, 100)) !== 1) await sleep(20);

  const boot = (options) => bootLocking({ providers: [providerEntry({ redisUrl: master.url, ...options })] });
  const contestants = { off: await boot({}), on: await boot({ safety: { replicas: 1 } }) };

  const seen = { off: [], on: [], offUs: [], onUs: [] };
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of round % 2 === 0 ? ["off", "on"] : ["on", "off"]) {
      const [rate, us] = [await perSecond(contestants[name]), await oneUs(contestants[name])];
      // The first round warms up.
      if (round > 0) seen[name].push(rate) && seen[`${name}Us`].push(us);
    }
  }
  const ratios = seen.on.map((rate, at) => rate / seen.off[at]);
  console.log(
    `without: ${Math.round(median(seen.off))} executes/s at ${AT_ONCE} at once, ${Math.round(median(seen.offUs))} us one at a time`,
  );
  console.log(
    `with:    ${Math.round(median(seen.on))} executes/s at ${AT_ONCE} at once, ${Math.round(median(seen.onUs))} us one at a time`,
  );
  console.log(`ratio:   ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`);
  for (const booted of Object.values(contestants)) await booted.shutdown();
  await replica.stop();
  await master.stop();
});
