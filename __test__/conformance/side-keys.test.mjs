// The keys that the package leaves in Redis besides the locks. All are documented and in the slot of their lock. All except the fencing counters
// have a time limit.

import assert from "node:assert/strict";
import { test } from "node:test";
import { slotOf } from "../../harness/cluster-observer.mjs";
import { deferred, NS, OURS_ONLY, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

const SIDE_KEY = /^mlr!\{([0-9a-z]+)\}(f$|h:|p:|r:)/;

/** Asserts that every key is a lock or a documented side key, and returns the side keys by kind. */
async function sideKeys() {
  const kinds = { f: [], h: [], p: [], r: [] };
  for (const { name, value, pttl } of await bed.contents()) {
    if (name.startsWith(NS)) continue;
    const match = SIDE_KEY.exec(name);
    assert.ok(match, `not a documented key: ${name}`);
    const kind = match[2][0];
    // A counter of one digit was only probed at connect. The first token raises a counter to the server's time.
    if (kind === "f") assert.ok(pttl === -1 && /^(\d{16}|\d)$/.test(value), `counter ${name} = ${value}, ${pttl} ms left`);
    else assert.ok(pttl > 0, `${name} has no time limit`);
    kinds[kind].push(name);
  }
  return kinds;
}

test("execute leaves a counter and nothing else", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  for (const keys of ["a", "b", ["a", "b", "c"]]) {
    await locking.execute(keys, async () => {
      const { h } = await sideKeys();
      assert.deepEqual(h, []);
    });
  }
  const { f, h, r } = await sideKeys();
  assert.ok(f.length > 0);
  assert.deepEqual({ h, r }, { h: [], r: [] });
  assert.deepEqual(await bed.locks(), []);
});

test("acquire keeps a hold record that lives as long as the lock", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "me", expire: 100 });
  const { h } = await sideKeys();
  assert.equal(h.length, 1);
  assert.ok(h[0].endsWith(`}h:${NS}k`), h[0]);
  assert.ok(Math.abs((await bed.pttl(h[0])) - (await bed.pttl(`${NS}k`))) < 1000);
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
  assert.deepEqual((await sideKeys()).h, []);
});

test("the hold record of a lock without a time limit has one", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k");
  const { h } = await sideKeys();
  assert.equal(h.length, 1);
  assert.equal(await bed.pttl(`${NS}k`), -1);
});

test("a remembered release goes away by itself within a minute", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "me", expire: 60 });
  await locking.release("k", { ownerId: "me" });
  const { r } = await sideKeys();
  for (const name of r) assert.ok((await bed.pttl(name)) <= 60_000, name);
});

test("after calls of every kind only counters stay without a time limit", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const keys = ["a}b", "{x}", "x{}", "{", "}", "{shop}:cart", "🔑", "", "mlr!{x}f", "*", "a:b"];
  for (const key of keys) {
    await locking.acquire(key, { ownerId: "me", expire: 30 });
    await locking.acquire(key, { ownerId: "other" }).catch(() => {});
    await locking.acquire([key, "more"], { ownerId: "me" });
    await locking.release([key, "more"], { ownerId: "me" });
    await locking.acquire(key);
    await locking.release(key);
    await locking.execute([key, "more"], async () => {});
    await locking.execute(key, () => Promise.reject(new Error("job"))).catch(() => {});
  }
  await locking.acquire(keys, { ownerId: "all" });
  await locking.releaseAll({ ownerId: "all" });
  const { h } = await sideKeys();
  assert.deepEqual(h, [], "hold records without a lock");
  assert.deepEqual(await bed.locks(), []);
});

test("waiting leaves nothing behind, whether it succeeds or times out", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "first" });
  const inVain = Array.from({ length: 5 }, () => locking.execute("k", async () => {}, { timeout: 1 }).catch((error) => error.code));
  assert.deepEqual(await Promise.all(inVain), Array(5).fill("LOCK_TIMEOUT"));
  const [started, gate] = [deferred(), deferred()];
  const running = locking.execute("other", async () => {
    started.resolve();
    await gate.promise;
  });
  await started.promise;
  const waiting = locking.acquire("other", { ownerId: "second", awaitQueue: true });
  gate.resolve();
  await Promise.all([running, waiting]);
  await locking.release("other", { ownerId: "second" });
  await locking.release("k", { ownerId: "first" });
  assert.deepEqual((await sideKeys()).h, []);
  assert.deepEqual(await bed.locks(), []);
});

test("every side key is in the slot of its lock, whatever braces the key has", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const keys = ["a}b", "{x}", "x{}", "{", "}", "{}", "{a}{b}", "{{a}}", "{shop}:cart", "🔑{🔑}", "", "k", "{x", "x}"];
  for (const key of keys) await locking.acquire(key, { ownerId: "me", expire: 60 });
  for (const name of await bed.command("KEYS", "mlr!*")) {
    const at = name.indexOf("}h:");
    if (at === -1) continue;
    const lock = name.slice(at + 3);
    assert.equal(slotOf(name), slotOf(lock), `${name} is not in the slot of ${lock}`);
    assert.equal(await bed.owner(lock), "me");
  }
  assert.equal((await sideKeys()).h.length, keys.length);
});
