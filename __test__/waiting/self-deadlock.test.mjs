// A call can only wait for itself. The error names the holder of the key, and with the option the call fails at once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { OURS, requireInstalled } from "../../harness/installed.mjs";
import { deferred, NS, OURS_ONLY, openTestbed, refused } from "../support/testbed.mjs";

const bed = openTestbed();

test("a time-out names the holder where that is this very process", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const error = await locking.execute(
    "cart_1",
    () =>
      refused(
        locking.execute("cart_1", async () => {}, { timeout: 1 }),
        { code: "LOCK_TIMEOUT", message: "Timed-out acquiring lock." },
      ),
    { label: "complete-cart" },
  );
  assert.match(error.cause.message, /^Key "cart_1" is held by this process, for .* s \("complete-cart"\)\.$/);
  await locking.acquire("cart_2", { ownerId: "me", expire: 30, label: "by a step" });
  const other = await refused(locking.acquire("cart_2", { awaitQueue: true, timeout: 1 }), { code: "LOCK_TIMEOUT" });
  assert.match(other.cause.message, /^Key "cart_2" is held by this process, for .* s \("by a step"\)\.$/);
});

test("a time-out for a key that another process holds has no such cause", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await bed.command("SET", `${NS}k`, "somebody");
  const error = await refused(
    locking.execute("k", async () => {}, { timeout: 1 }),
    { code: "LOCK_TIMEOUT" },
  );
  assert.equal(error.cause, undefined);
});

test("with the option a call that a job around it keeps waiting fails at once, with the chain", OURS_ONLY, async () => {
  const { locking } = await bed.boot({ detectSelfDeadlock: true });
  const error = await locking.execute(
    ["cart_1", "cart_2"],
    () =>
      locking.execute(
        "stock_1",
        async () => {
          await Promise.resolve();
          await refused(locking.acquire("cart_2", { ownerId: "me", awaitQueue: true, timeout: 3_600 }), { code: "LOCK_SELF_DEADLOCK" });
          return await refused(
            locking.execute(["other", "cart_2"], async () => {}, { timeout: Number.POSITIVE_INFINITY, label: "inner" }),
            { code: "LOCK_SELF_DEADLOCK", type: "conflict", message: /can only wait for itself: key "cart_2" is held by a job/ },
          );
        },
        { label: "reserve" },
      ),
    { label: "complete-cart" },
  );
  assert.deepEqual(error.keys, ["cart_2"]);
  const [outer, middle, inner, ...more] = error.cause.message.split("; in it ");
  assert.match(outer, /^"complete-cart" holds keys "cart_1", "cart_2" for .* s$/);
  assert.match(middle, /^"reserve" holds key "stock_1" for .* s$/);
  assert.deepEqual([inner, more], ['"inner" asks for keys "other", "cart_2"', []]);
  assert.deepEqual(await bed.owners(), {});
});

test("a call that only seems to wait for itself goes on", OURS_ONLY, async () => {
  const { locking } = await bed.boot({ detectSelfDeadlock: true });
  const later = deferred();
  let after;
  await locking.execute("cart_1", async () => {
    // These calls do not wait for their own job: another key, a try, and a call that the job leaves behind for the time after its end.
    await locking.execute("cart_2", async () => {});
    await refused(locking.acquire("cart_1"), { code: "LOCK_NOT_ACQUIRED" });
    after = later.promise.then(() => locking.execute("cart_1", async () => "served"));
  });
  later.resolve();
  assert.equal(await after, "served");
  // Siblings wait for each other, not for themselves.
  const order = await Promise.all([1, 2].map((at) => locking.execute("cart_1", async () => at)));
  assert.deepEqual(order, [1, 2]);
  // A named owner extends its own lock.
  await locking.acquire("cart_3", { ownerId: "me", expire: 30 });
  await locking.acquire("cart_3", { ownerId: "me", expire: 30, awaitQueue: true });
  // A job that throws at once does not hold its key any longer.
  await assert.rejects(
    locking.execute("cart_4", () => {
      throw new Error("at once");
    }),
    /at once/,
  );
  await locking.execute("cart_4", async () => {});
});

test("without the option nothing of AsyncLocalStorage is touched", OURS_ONLY, async () => {
  const { AsyncLocalStorage } = await import("node:async_hooks");
  const methods = ["run", "getStore", "enterWith"];
  const counts = {};
  const real = Object.fromEntries(methods.map((name) => [name, AsyncLocalStorage.prototype[name]]));
  const count = async (options) => {
    const { locking } = await bed.boot(options);
    for (const name of methods) {
      counts[name] = 0;
      AsyncLocalStorage.prototype[name] = function counted(...args) {
        counts[name] += 1;
        return real[name].apply(this, args);
      };
    }
    try {
      await providerOf(locking).execute("k", async () => {});
      return { ...counts };
    } finally {
      Object.assign(AsyncLocalStorage.prototype, real);
    }
  };
  assert.deepEqual(await count({}), { run: 0, getStore: 0, enterWith: 0 });
  assert.ok((await count({ detectSelfDeadlock: true })).run > 0);
});

/** The provider below the Locking Module. The module's decorators may use an AsyncLocalStorage of their own. */
const providerOf = (locking) => locking.providerService_.retrieveProviderRegistration(locking.defaultProviderId);

test("a job that starts its successor leaves no chain of all that ever ran behind", OURS_ONLY, async () => {
  const { Chains } = requireInstalled(`${OURS}/provider/dist/client/chain.js`);
  for (const endsBeforeItsSuccessor of [true, false]) {
    const chains = new Chains();
    let [turns, longest, before] = [0, 0, undefined];
    await new Promise((resolve) => {
      const turn = () => {
        assert.equal(chains.conflict("another", undefined), undefined);
        const link = chains.link("k", undefined);
        // The job before this one may have held its key until now.
        if (before) before.holds = false;
        let length = 0;
        for (let one = link; one; one = one.outer) length += 1;
        longest = Math.max(longest, length);
        turns += 1;
        chains.run(link, () => (turns < 50_000 ? setImmediate(turn) : resolve()));
        link.holds = !endsBeforeItsSuccessor;
        before = link;
      };
      turn();
    });
    assert.ok(longest <= 2, `${longest} links, ${endsBeforeItsSuccessor}`);
  }
});
