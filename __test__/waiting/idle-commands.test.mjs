import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deferred, openTestbed, until } from "../support/testbed.mjs";
import { scriptsDuring, scriptsSoFar } from "./support.mjs";

const bed = openTestbed();
const SECONDS = 4;
const WAITERS = 200;

/** Two instances wait with many calls while `body`'s lock is held; the commands of both in all. */
async function commandsWhileWaiting(instances, release) {
  await bed.command("CONFIG", "RESETSTAT");
  const calls = instances.flatMap(({ locking }) => Array.from({ length: WAITERS }, () => locking.execute("k", async () => {})));
  await until("every call has looked at the lock", async () => (await scriptsSoFar(bed)) >= calls.length);
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
  // And a renewal of the job in so many seconds. More than none: the polls that find a holder which is gone.
  assert.ok(commands > 0 && commands <= 2 * 2 * SECONDS + 1, `${commands} commands in ${SECONDS} s`);
});

test("hundreds that wait behind a named owner's lock do, too", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  await one.locking.acquire("k", { ownerId: "me", expire: 60, renew: true });
  const commands = await commandsWhileWaiting([one, other], () => one.locking.release("k", { ownerId: "me" }));
  assert.ok(commands > 0 && commands <= 2 * 2 * SECONDS + 1, `${commands} commands in ${SECONDS} s`);
});
