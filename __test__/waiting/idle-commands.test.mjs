import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deferred, openTestbed, until } from "../support/testbed.mjs";
import { scriptsDuring, untilWaiting } from "./support.mjs";

const bed = openTestbed();
const SECONDS = 4;
const WAITERS = 200;

/** The number of scripts that two instances run in `SECONDS` while they wait with many calls. `release` frees the lock afterwards. */
async function commandsWhileWaiting(instances, release) {
  const calls = instances.flatMap(({ locking }) => Array.from({ length: WAITERS }, () => locking.execute("k", async () => {})));
  await untilWaiting(bed, "k", instances.length);
  // By now the first call of each instance waits. The others are still on their way.
  await until("all wait", async () => (await scriptsDuring(bed, () => sleep(100))) <= 1);
  const commands = await scriptsDuring(bed, () => sleep(SECONDS * 1000));
  await release();
  await Promise.all(calls);
  return commands;
}

test("hundreds that wait behind a job send at most two commands a second per process", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  const [held, end] = [deferred(), deferred()];
  const job = one.locking.execute("k", () => {
    held.resolve();
    return end.promise;
  });
  await held.promise;
  const commands = await commandsWhileWaiting([one, other], async () => {
    end.resolve();
    await job;
  });
  // The limit includes one renewal of the job. There are some commands, because polls must find a holder that is gone.
  assert.ok(commands > 0 && commands <= 2 * 2 * SECONDS + 1, `${commands} commands in ${SECONDS} s`);
});

test("hundreds that wait behind a named owner's lock do, too", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  await one.locking.acquire("k", { ownerId: "me", expire: 60, renew: true });
  const commands = await commandsWhileWaiting([one, other], () => one.locking.release("k", { ownerId: "me" }));
  assert.ok(commands > 0 && commands <= 2 * 2 * SECONDS + 1, `${commands} commands in ${SECONDS} s`);
});
