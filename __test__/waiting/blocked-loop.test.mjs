// A job blocks the event loop just when its lock is handed over.

import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { block, hold, openTestbed } from "../support/testbed.mjs";
import { untilWaiting } from "./support.mjs";

const bed = openTestbed();

test("a job that blocks the loop as soon as it is handed the lock keeps it", async () => {
  const [holder, waiter] = [await bed.boot(), await bed.boot()];
  const letGo = await hold(holder, "k");
  const waiting = waiter.locking.execute("k", async () => block(3_200), { expire: 10, timeout: 30 });
  await untilWaiting(bed, "k", 1);
  await sleep(50);
  await letGo();
  await waiting;
});

test("the next of a cohort keeps its lock when the loop is blocked for longer than its lease before it begins", async () => {
  const [holder, waiter] = [await bed.boot(), await bed.boot()];
  const letGo = await hold(holder, "k");
  const terms = { expire: 3, timeout: 30 };
  const first = waiter.locking.execute("k", async () => process.nextTick(block, 4_000), terms);
  const job = async (_signal, lock) => {
    lock.assertHeld();
    await sleep(300);
    lock.assertHeld();
    return "safe";
  };
  const second = waiter.locking.execute("k", job, terms);
  await untilWaiting(bed, "k", 1);
  await sleep(50);
  await letGo();
  await first;
  assert.equal(await second, "safe");
});
