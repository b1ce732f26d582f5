import assert from "node:assert/strict";
import test from "node:test";
import { deferred, openTestbed, until } from "../support/testbed.mjs";
import { untilWaiting } from "./support.mjs";

const bed = openTestbed();

/** Holds "k" until `release` is called. */
async function hold({ locking }) {
  const [held, end] = [deferred(), deferred()];
  const done = locking.execute("k", () => {
    held.resolve();
    return end.promise;
  });
  await held.promise;
  return { release: () => end.resolve(), done };
}

/** The latest ticket that was drawn, from the counters of all slots. */
async function latestTicket() {
  const counters = await bed.command("KEYS", "mlr!{*}f");
  return Math.max(0, ...(await Promise.all(counters.map((name) => bed.command("GET", name)))).map(Number));
}

/** Makes a call that has to wait, and returns when its park has reached the server. */
async function park(call) {
  const before = await latestTicket();
  call();
  await until("it has a ticket", async () => (await latestTicket()) > before);
}

test("waiters of several instances are served in the order in which they came", async () => {
  const instances = [await bed.boot(), await bed.boot(), await bed.boot()];
  const holder = await hold(instances[0]);
  const served = [];
  const calls = [];
  for (let number = 0; number < 30; number += 1) {
    await park(() => calls.push(instances[number % 3].locking.execute("k", async () => served.push(number))));
  }
  await untilWaiting(bed, "k", 3);
  holder.release();
  await Promise.all([holder.done, ...calls]);
  assert.deepEqual(
    served,
    served.toSorted((one, other) => one - other),
  );
  assert.equal(served.length, 30);
});

test("a newcomer does not get in before those who wait", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  const served = [];
  const holder = await hold(one);
  const first = other.locking.execute("k", async () => served.push("waited"));
  await untilWaiting(bed, "k", 1);
  holder.release();
  // The call comes in the same tick as the release, from the process that holds.
  const second = one.locking.execute("k", async () => served.push("newcomer"));
  await Promise.all([holder.done, first, second]);
  assert.deepEqual(served, ["waited", "newcomer"]);
});

test("named owners and jobs wait in one queue", async () => {
  const [one, other] = [await bed.boot(), await bed.boot()];
  await one.locking.acquire("k", { ownerId: "holder", expire: 60 });
  const served = [];
  const calls = [];
  for (const [number, { locking }] of [one, other, one, other].entries()) {
    const ownerId = `owner-${number}`;
    const wait = () =>
      number < 2
        ? locking.execute("k", async () => served.push(number))
        : locking.acquire("k", { ownerId, awaitQueue: true, expire: 60 }).then(() => {
            served.push(number);
            return locking.release("k", { ownerId });
          });
    await park(() => calls.push(wait()));
  }
  await untilWaiting(bed, "k", 2);
  assert.equal(await one.locking.release("k", { ownerId: "holder" }), true);
  await Promise.all(calls);
  assert.deepEqual(served, [0, 1, 2, 3]);
});

test("a waiter behind a lease that lapses is served", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "forgets", expire: 1 });
  let served = false;
  await locking.execute("k", async () => {
    served = true;
  });
  assert.equal(served, true);
  await until("the queue is gone", async () => (await bed.locks()).length === 0);
});
