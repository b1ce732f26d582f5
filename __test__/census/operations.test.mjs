// Locks as a shop's own code sees them: lockOperations(container), the provider's methods, and the methods of the client without Medusa.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requireInstalled } from "../../harness/installed.mjs";
import { deferred, hold, NS, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();
const { lockOperations } = requireInstalled("medusa-locking-redis");

const operationsOf = ({ locking }, provider) => lockOperations({ resolve: () => locking }, provider);

/** A process begins to listen for questions a moment after its boot. */
const untilListening = (operations) => until("the process answers", async () => (await operations.locks()).processes > 0);

test("a shop lists its locks with holder, label and waiters", async () => {
  const booted = await bed.boot();
  const operations = operationsOf(booted);
  await untilListening(operations);
  const done = deferred();
  const job = booted.locking.execute("cart_1", () => done.promise, { label: "complete cart" });
  const waiter = booted.locking.execute("cart_1", async () => {}, { timeout: 30 });
  let lock;
  await until("somebody waits", async () => {
    lock = await operations.lock("cart_1");
    return lock?.kind === "execute" && lock.waiters.count === 1;
  });
  assert.deepEqual(
    [lock.key, lock.kind, lock.label, lock.holder.pid, lock.holderAnswers, lock.state],
    ["cart_1", "execute", "complete cart", process.pid, true, "held"],
  );
  const { locks, more } = await operations.locks();
  assert.deepEqual([locks.map(({ key }) => key), more], [["cart_1"], false]);
  done.resolve();
  await Promise.all([job, waiter]);
  assert.equal(await operations.lock("cart_1"), undefined);
});

test("a lock that code frees goes to the next waiter, and its job is told by whom", async () => {
  const booted = await bed.boot();
  const operations = operationsOf(booted, "locking-redis");
  await untilListening(operations);
  const lost = deferred();
  const job = booted.locking.execute("cart_2", (signal) => {
    signal.addEventListener("abort", () => lost.resolve());
    return lost.promise;
  });
  const refusal = refused(job, { code: "LOCK_LOST" });
  const waiter = booted.locking.execute("cart_2", async () => "served", { timeout: 30 });
  await until("somebody waits", async () => {
    const lock = await operations.lock("cart_2");
    return lock?.kind === "execute" && lock.waiters.count === 1;
  });
  assert.deepEqual(await operations.free(["cart_2", "nobody-has-it"], { by: "the night shift" }), ["cart_2"]);
  assert.equal(await waiter, "served");
  const error = await refusal;
  assert.match(error.cause.message, /by the night shift/);
});

test("free takes a lock from the owner that it names, and from nobody else", async () => {
  const operations = operationsOf(await bed.boot());
  await bed.command("SET", `${NS}k`, "ada", "PX", "60000");
  assert.deepEqual(await operations.free("k", { owner: "bob" }), []);
  assert.equal(await bed.owner(`${NS}k`), "ada");
  assert.deepEqual(await operations.free("k", { owner: "ada" }), ["k"]);
  assert.equal(await bed.owner(`${NS}k`), null);
});

test("free takes no lock from a later hold of the same owner, as all have the same that name none", async () => {
  const booted = await bed.boot();
  const operations = operationsOf(booted);
  for (const ownerId of [undefined, "ada"]) {
    await booted.locking.acquire("k", { ownerId, expire: 60 });
    const seen = await operations.lock("k");
    await booted.locking.release("k", { ownerId });
    await booted.locking.acquire("k", { ownerId, expire: 60 });
    const { owner, token } = await operations.lock("k");
    assert.equal(owner, seen.owner);
    assert.ok(token > seen.token);
    assert.deepEqual(await operations.free("k", { owner: seen.owner, token: seen.token }), []);
    assert.equal(await bed.owner(`${NS}k`), owner);
    assert.deepEqual(await operations.free("k", { owner, token }), ["k"]);
  }
});

test("free of a job's lock needs no token, whichever is named: its owner is its own", async () => {
  const booted = await bed.boot();
  const operations = operationsOf(booted);
  const job = booted.locking.execute("k", (signal) => new Promise((resolve) => signal.addEventListener("abort", resolve)));
  const refusal = refused(job, { code: "LOCK_LOST" });
  await until("it is held", async () => (await bed.owner(`${NS}k`)) !== null);
  const { owner, token } = await operations.lock("k");
  assert.deepEqual(await operations.free("k", { owner, token }), ["k"]);
  await refusal;
});

test("health says whether Redis answers", async () => {
  const operations = operationsOf(await bed.boot());
  const health = await operations.health();
  assert.equal(health.ok, true);
  assert.ok(health.roundTripMs > 0);
  assert.equal(health.reason, null);
});

test("health says why Redis does not answer, without the password", async () => {
  const { createLocks } = requireInstalled("medusa-locking-redis/client");
  const locks = createLocks({ url: "redis://shop:hunter2@127.0.0.1:1", logger: {} });
  const { ok, reason } = await locks.health();
  assert.equal(ok, false);
  assert.match(reason, /ECONNREFUSED/);
  assert.doesNotMatch(reason, /hunter2/);
  await refused(locks.locks(), { code: "REDIS_UNREACHABLE" });
  await locks.close();
});

test("a container whose provider is another's is told so", async () => {
  const booted = await bed.boot();
  for (const provider of ["locking-postgres", ""]) {
    assert.throws(() => operationsOf(booted, provider), { code: "INVALID_ARGUMENT" });
  }
});

const BAD_CALLS = [
  ...[0, Number.NaN, Number.POSITIVE_INFINITY, -1, 2 ** 33, 1.5, "2", null].map((most) => [
    `locks with most ${typeof most} ${most}`,
    (operations) => operations.locks({ most }),
    /^"most" must be a whole number from 1 to 100000, got /,
  ]),
  ...[null, "ada", []].map((options) => [
    `locks with options ${JSON.stringify(options)}`,
    (operations) => operations.locks(options),
    /^the options must be an object, got /,
  ]),
  ...[undefined, null, 5, {}, [5], ["k", undefined]].map((keys) => [
    `free of ${JSON.stringify(keys)}`,
    (operations) => operations.free(keys),
    /^keys must be a string or a list of strings, got /,
  ]),
  ...[null, "ada"].map((options) => [
    `free with options ${options}`,
    (operations) => operations.free("k", options),
    /^the options must be an object, got /,
  ]),
  ["free by a number", (operations) => operations.free("k", { by: 5 }), /^"by" must be a string, got a number\.$/],
  ["free by half a token", (operations) => operations.free("k", { token: 0.5 }), /^"token" must be a whole number, got a number\.$/],
  ["free from a number", (operations) => operations.free("k", { owner: 5 }), /^"owner" must be a string, got a number\.$/],
  ["lock of nothing", (operations) => operations.lock(undefined), /^the key must be a string, got undefined\.$/],
];

test("arguments that cannot be used are refused in one clear line, with Medusa and without", async () => {
  const booted = await bed.boot();
  const { createLocks } = requireInstalled("medusa-locking-redis/client");
  const locks = createLocks({ url: "redis://127.0.0.1:1", logger: {} });
  for (const operations of [operationsOf(booted), locks]) {
    for (const [, call, message] of BAD_CALLS) await refused(call(operations), { code: "INVALID_ARGUMENT", message });
  }
  await locks.close();
});

test("a free that fails at one key says which were freed before", async () => {
  await bed.command("ACL", "SETUSER", "half", "on", ">p", "resetkeys", `~${NS}a`, "~mlr!*", "allchannels", "+@all");
  const place = new URL(bed.url);
  [place.username, place.password] = ["half", "p"];
  const { createLocks } = requireInstalled("medusa-locking-redis/client");
  const locks = createLocks({ url: place.href, logger: {} });
  for (const key of ["a", "b"]) await bed.command("SET", `${NS}${key}`, "me", "PX", "60000");
  const error = await refused(locks.free(["a", "b", "c"]), {
    code: "REDIS_REFUSED",
    message: /^Only key "a" was freed\. Redis could not be/,
  });
  assert.deepEqual(error.keys, ["b", "c"]);
  assert.deepEqual([await bed.owner(`${NS}a`), await bed.owner(`${NS}b`)], [null, "me"]);
  await locks.close();
  await bed.command("ACL", "DELUSER", "half");
});

test("after a shutdown nothing is asked any more", async () => {
  const booted = await bed.boot();
  const operations = operationsOf(booted);
  await (await hold(booted, "cart_3"))();
  await booted.shutdown();
  await refused(operations.locks(), { code: "PROVIDER_CLOSED" });
  assert.equal((await operations.health()).ok, false);
});

test("calls under way at the shutdown end with the provider's own error", async () => {
  const booted = await bed.boot();
  const operations = operationsOf(booted);
  const asked = Promise.allSettled(Array.from({ length: 20 }, () => operations.locks()));
  await booted.shutdown();
  for (const { reason } of await asked) assert.equal(reason?.code ?? "PROVIDER_CLOSED", "PROVIDER_CLOSED");
});

test("the client without Medusa has the same", async () => {
  const { createLocks } = requireInstalled("medusa-locking-redis/client");
  const { redisUrl: url, redisOptions, cluster } = bed.options();
  const locks = createLocks({ ...(cluster ? { cluster } : { url }), ...(redisOptions ? { redisOptions } : {}) });
  await locks.ready();
  await untilListening(locks);
  const lock = await locks.acquire("report", { label: "nightly report" });
  const status = await locks.lock("report");
  assert.deepEqual([status.label, status.holder.pid, status.state], ["nightly report", process.pid, "held"]);
  assert.deepEqual(await locks.free("report", { by: "somebody" }), ["report"]);
  await until("the lock object is told", () => lock.signal.aborted);
  assert.match(lock.signal.reason.message, /by somebody/);
  await locks.close();
});
