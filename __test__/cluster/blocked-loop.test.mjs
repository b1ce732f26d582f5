// A job blocks the event loop just when its lock is handed over.

import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { block, hold, until } from "../support/testbed.mjs";
import { openClusterBed } from "./support.mjs";

const bed = openClusterBed({ replicas: 0 });

test("a job on a cluster that blocks the loop as soon as it is handed the lock keeps it", async () => {
  const [holder, waiter] = [await bed.boot(), await bed.boot()];
  // The test needs open connections and known counters, so both instances take the lock once before.
  for (const { locking } of [holder, waiter]) await locking.execute("k", async () => {});
  const letGo = await hold(holder, "k");
  const waiting = waiter.locking.execute("k", async () => block(3_200), { expire: 10, timeout: 30 });
  await until("it waits", async () => (await bed.cluster.keys()).some((name) => name.includes("}w:")));
  await sleep(50);
  await letGo();
  await waiting;
});
