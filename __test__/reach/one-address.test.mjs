// One endpoint with a cluster's rules behind it. The endpoint shows or hides them. Locks work as on any other server, slot by slot.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startOneAddress } from "../support/one-address.mjs";
import { deferred, isPending, NS, OURS_ONLY, openTestbed, refused, SERVER, until } from "../support/testbed.mjs";

const bed = openTestbed();

/** So many keys, nearly all of different slots. */
const many = (count, tag = "k") => Array.from({ length: count }, (_, at) => `${tag}${at}`);

for (const hidden of [false, true]) {
  describe(`one address ${hidden ? "that hides its cluster" : "of a node with all slots"}`, OURS_ONLY, () => {
    let place;
    before(async () => {
      place = await startOneAddress({ hidden, version: SERVER });
    });
    after(() => place.stop());

    const boot = () => bed.boot({ redisUrl: place.url });
    const locks = async () => (await place.command("KEYS", `${NS}*`)).sort();
    const nothingIsLocked = async () => assert.deepEqual(await locks(), []);

    test("a job of many keys of several slots runs under all of them, with a token each, and frees them", async () => {
      const { locking } = await boot();
      const keys = many(50);
      const seen = await locking.execute(keys, async (_signal, lock) => {
        lock.assertHeld();
        return { tokens: Object.keys(lock.fencingTokens).length, locked: (await locks()).length };
      });
      assert.deepEqual(seen, { tokens: 50, locked: 50 });
      await nothingIsLocked();
    });

    for (const [kind, job] of [
      ["that see their signal", async (_signal) => "done"],
      ["that see no signal", async () => "done"],
    ]) {
      test(`two hundred jobs at once ${kind} all succeed and leave nothing locked`, async () => {
        const { locking } = await boot();
        const results = await Promise.all(many(200).map((key) => locking.execute(key, job)));
        assert.deepEqual([...new Set(results)], ["done"]);
        await nothingIsLocked();
        assert.equal(await locking.execute("k1", job, { timeout: 1 }), "done");
      });
    }

    test("jobs on keys of several slots outlive their lease, which is renewed", async () => {
      const { locking } = await boot();
      const outcomes = await Promise.all(
        many(20, "renewed").map((key) =>
          locking.execute(
            key,
            async (signal, lock) => {
              await sleep(3_500);
              lock.assertHeld();
              return signal.aborted;
            },
            { expire: 1 },
          ),
        ),
      );
      assert.deepEqual([...new Set(outcomes)], [false]);
      await nothingIsLocked();
    });

    test("a job of several slots and a renewed lock of acquire outlive their lease", async () => {
      const { locking } = await boot();
      const losses = [];
      await locking.acquire(many(5, "mine"), { ownerId: "me", expire: 1, renew: true, onLost: (error) => losses.push(error) });
      await locking.execute(many(5, "job"), () => sleep(2_500), { expire: 1 });
      assert.deepEqual(losses, []);
      assert.equal(await locking.release(many(5, "mine"), { ownerId: "me" }), true);
      await nothingIsLocked();
    });

    test("jobs of one key run one after the other, in two instances", async () => {
      const boots = [await boot(), await boot()];
      let inside = 0;
      const job = async () => {
        inside += 1;
        assert.equal(inside, 1, "two jobs at once");
        await sleep(2);
        inside -= 1;
      };
      await Promise.all(Array.from({ length: 40 }, (_, at) => boots[at % 2].locking.execute("hot", job, { timeout: 30 })));
      await nothingIsLocked();
    });

    test("a try for several keys of which one is held takes none", async () => {
      const { locking } = await boot();
      await locking.acquire(["x", "y", "z"], { ownerId: "me", expire: 60 });
      await refused(locking.acquire(["v", "w", "y"], { ownerId: "you" }), { code: "LOCK_NOT_ACQUIRED" });
      assert.deepEqual(
        await locks(),
        ["x", "y", "z"].map((key) => NS + key),
      );
      assert.equal(await locking.release(["x", "y", "z"], { ownerId: "me" }), true);
      await nothingIsLocked();
    });

    test("releaseAll frees an owner's locks of all slots, and then everybody's", async () => {
      const { locking } = await boot();
      await locking.acquire(many(30, "mine"), { ownerId: "me", expire: 60 });
      await locking.acquire(many(3, "yours"), { ownerId: "you", expire: 60 });
      await locking.releaseAll({ ownerId: "me" });
      assert.equal((await locks()).length, 3);
      await locking.releaseAll();
      await nothingIsLocked();
    });

    test("a waiter for keys of several slots gets them when they are free", async () => {
      const [one, other] = [await boot(), await boot()];
      const [began, gate] = [deferred(), deferred()];
      const holds = one.locking.execute(["a", "b", "c"], async () => {
        began.resolve();
        await gate.promise;
      });
      await began.promise;
      const waits = other.locking.execute(["c", "d", "a"], async (_signal, lock) => lock.keys.length, { timeout: 30 });
      assert.equal(await isPending(waits), true);
      gate.resolve();
      await holds;
      assert.equal(await waits, 3);
      await nothingIsLocked();
    });

    test("a job whose key releaseAll takes is told", async () => {
      const [one, other] = [await boot(), await boot()];
      const began = deferred();
      const job = one.locking.execute(
        "taken",
        async (signal) => {
          began.resolve();
          await until("the loss is told", () => signal.aborted);
        },
        { expire: 3 },
      );
      await began.promise;
      // The call may fail before releaseAll ends, so its error is caught from here on.
      const told = refused(job, { code: "LOCK_LOST" });
      await other.locking.releaseAll();
      await told;
    });

    test("the log names the option cluster, once", async () => {
      const booted = await boot();
      for (let time = 0; time < 2; time += 1) await booted.locking.execute(many(20), async () => {});
      assert.equal(booted.logs.filter(({ text }) => /option "?cluster"?/.test(text)).length, 1, booted.logText);
    });
  });
}
