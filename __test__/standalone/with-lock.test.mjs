import assert from "node:assert/strict";
import test from "node:test";
import { STOPPED_SERVERS } from "../../harness/system.mjs";
import { deferred, hold, isPending, NS, refused, until } from "../support/testbed.mjs";
import { LockError, openLocks } from "./support.mjs";

const { bed, client } = openLocks();

/** Holds a key by `withLock`. Returns the job's lock, and the function that ends the job. */
async function holdKey(locks, keys, options) {
  const [held, end] = [deferred(), deferred()];
  const done = locks.withLock(keys, options, (lock) => {
    held.resolve(lock);
    return end.promise;
  });
  return { lock: await held.promise, done, end: end.resolve };
}

test("withLock holds the key while its job runs, and resolves with the job's result", async () => {
  const locks = client();
  const result = await locks.withLock("k", async (lock) => {
    assert.equal(await bed.owner(`${NS}k`), lock.ownerId);
    assert.deepEqual(lock.keys, ["k"]);
    assert.ok(lock.remainingMs() > 0 && lock.remainingMs() <= 60_000);
    lock.assertHeld();
    return 7;
  });
  assert.equal(result, 7);
  assert.deepEqual(await bed.locks(), []);
});

test("a job without parameters needs no options and runs under its lock", async () => {
  assert.ok(await client().withLock(["a", "b"], async () => Object.keys(await bed.owners()).length === 2));
});

test("two clients exclude each other, and the one that waited goes on when the other is done", async () => {
  const [one, other] = [client(), client()];
  const first = await holdKey(one, "k");
  const second = other.withLock("k", () => "second");
  assert.ok(await isPending(second));
  first.end();
  assert.equal(await second, "second");
  await first.done;
});

test("a client and the provider of a shop exclude each other", async () => {
  const locks = client();
  const shop = await bed.boot();
  const end = await hold(shop, "k");
  const ours = locks.withLock("k", () => "ours");
  assert.ok(await isPending(ours));
  await end();
  assert.equal(await ours, "ours");
  const held = await holdKey(locks, "k");
  await refused(shop.locking.acquire("k"), { code: "LOCK_NOT_ACQUIRED" });
  held.end();
  await held.done;
});

test("a wait that takes too long is LOCK_TIMEOUT, of the package's own class, which is no Medusa's", async () => {
  const locks = client({ waitMs: 60_000 });
  const held = await holdKey(locks, "k");
  const error = await refused(
    locks.withLock("k", { waitMs: 50 }, () => assert.fail("the key is held")),
    { code: "LOCK_TIMEOUT" },
  );
  assert.ok(error instanceof LockError);
  held.end();
  await held.done;
});

test("waitMs of the client counts where a call has none", async () => {
  const held = await holdKey(client(), "k");
  await refused(
    client({ waitMs: "50" }).withLock("k", () => {}),
    { code: "LOCK_TIMEOUT" },
  );
  held.end();
  await held.done;
});

test("a signal withdraws the wait, which rejects with its reason", async () => {
  const locks = client();
  const held = await holdKey(locks, "k");
  const controller = new AbortController();
  const waiting = locks.withLock("k", { waitMs: Number.POSITIVE_INFINITY, signal: controller.signal }, () => assert.fail("withdrawn"));
  assert.ok(await isPending(waiting));
  const reason = new Error("no longer wanted");
  controller.abort(reason);
  assert.equal(await refused(waiting, {}), reason);
  held.end();
  await held.done;
});

test("the lease is renewed for as long as the job runs", async () => {
  const held = await holdKey(client(), "k", { leaseMs: 1_000 });
  const first = await bed.pttl(`${NS}k`);
  await bed.renewals(`${NS}k`);
  assert.ok(first <= 1_000);
  held.lock.assertHeld();
  held.end();
  await held.done;
});

test("a job hears of a lock that was taken away, and its result does not count", async () => {
  const held = await holdKey(client(), "k", { leaseMs: 1_000 });
  await bed.command("DEL", `${NS}k`);
  await until("the job's signal aborts", () => held.lock.signal.aborted);
  assert.throws(() => held.lock.assertHeld(), { code: "LOCK_LOST" });
  assert.equal(held.lock.remainingMs(), 0);
  held.end("result");
  await refused(held.done, {
    code: "LOCK_LOST",
    message: /^Lost the lock for key\(s\) "k": Redis does not have it any more as this hold's\./,
  });
});

test("a lock whose lease was not renewed in time says why, and names the option that helps", STOPPED_SERVERS, async () => {
  const lines = [];
  const held = await holdKey(client({ logger: { warn: (text) => lines.push(text) } }), "k", { leaseMs: 1_000 });
  await bed.server.kill("SIGSTOP");
  try {
    await until("the job's signal aborts", () => held.lock.signal.aborted);
  } finally {
    await bed.server.kill("SIGCONT");
  }
  held.end();
  const message = /^Lost the lock for key\(s\) "k": its lease could not be renewed before it expired.* With a longer "leaseMs"/;
  await refused(held.done, { code: "LOCK_LOST", message });
  assert.doesNotMatch(lines.join(), /"expire"/);
});

const BAD_OPTIONS = {
  lease: /^there is no option "lease"\. The options are: waitMs, leaseMs, signal, label\.$/,
  expire: /^there is no option "expire"\. Here it is "leaseMs", in milliseconds\. The options are: /,
  timeout: /^there is no option "timeout"\. Here it is "waitMs", in milliseconds\. /,
  owner: /^there is no option "owner"\. The options are: /,
};
for (const [name, message] of Object.entries(BAD_OPTIONS)) {
  test(`the option ${name}, which withLock does not have, is refused`, async () => {
    await refused(
      client().withLock("k", { [name]: 1 }, () => assert.fail("it ran")),
      { code: "INVALID_ARGUMENT", message },
    );
  });
}

test("an error of the job is what the call rejects with, and the key is free", async () => {
  const reason = new Error("of the job");
  const failing = client().withLock("k", () => {
    throw reason;
  });
  assert.equal(await refused(failing, {}), reason);
  assert.deepEqual(await bed.locks(), []);
});

test("fencing tokens rise from hold to hold, over clients and the ways to lock", async () => {
  const [one, other] = [client(), client()];
  const tokens = [await one.withLock("k", (lock) => lock.fencingToken), await other.withLock("k", (lock) => lock.fencingTokens.k)];
  const lock = await one.acquire("k");
  tokens.push(lock.fencingToken);
  await lock.release();
  assert.ok(tokens[0] < tokens[1] && tokens[1] < tokens[2], tokens.join());
});

test("several keys are taken all or none, and have a token each but not one", async () => {
  const locks = client();
  const held = await holdKey(locks, "b");
  await refused(
    locks.withLock(["a", "b"], { waitMs: 50 }, () => {}),
    { code: "LOCK_TIMEOUT" },
  );
  assert.deepEqual(Object.keys(await bed.owners()), [`${NS}b`]);
  held.end();
  await held.done;
  const { fencingToken, fencingTokens } = await locks.withLock(["a", "b"], (lock) => lock);
  assert.equal(fencingToken, undefined);
  assert.deepEqual(Object.keys(fencingTokens), ["a", "b"]);
});

test("a job without keys runs at once", async () => {
  assert.equal(await client().withLock([], (lock) => lock.remainingMs()), Number.POSITIVE_INFINITY);
});

const BAD_CALLS = {
  "a key that is undefined": [[undefined, () => {}], "keys must be a string or a list of strings, got undefined."],
  "no job": [["k"], "the job must be a function, got undefined."],
  "a lease that is too short": [["k", { leaseMs: 10 }, () => {}], '"leaseMs" must be a number of milliseconds, at least 1000, got 10.'],
  "a wait that is no number": [["k", { waitMs: "1" }, () => {}], '"waitMs" must be a number of milliseconds, at least 1, got a string.'],
  "a signal that is none": [["k", { signal: {} }, () => {}], '"signal" must be an AbortSignal, got an object.'],
  "a label that is no text": [["k", { label: 1 }, () => {}], '"label" must be a string, got a number.'],
  "options that are none": [["k", "now", () => {}], "the options must be an object, got a string."],
};
for (const [what, [args, message]] of Object.entries(BAD_CALLS)) {
  test(`${what} is refused with one clear line`, async () => {
    await refused(client().withLock(...args), { code: "INVALID_ARGUMENT", message });
  });
}
