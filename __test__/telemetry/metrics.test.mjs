// The metrics about locks that a real OpenTelemetry SDK gets.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startServer } from "../../harness/redis-servers.mjs";
import { connect } from "../../harness/resp-client.mjs";
import { openLocks } from "../standalone/support.mjs";
import { deferred, OURS_ONLY, openTestbed, refused, SERVER, until } from "../support/testbed.mjs";
import { pointOf, startMetrics } from "./support.mjs";

const bed = openTestbed();
const { client } = openLocks();
let metrics;

before(() => {
  metrics = startMetrics();
});
after(() => metrics.stop());

test("waits, holds and outcomes are counted by the kind of the key", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.execute("cart_1", async () => {
    await refused(locking.acquire("cart_1"), { code: "LOCK_NOT_ACQUIRED" });
    await refused(
      locking.execute("cart_1", async () => {}, { timeout: 1 }),
      { code: "LOCK_TIMEOUT" },
    );
    await assert.rejects(
      locking.execute("cart_1", async () => {}, { signal: AbortSignal.timeout(20) }),
      { name: "TimeoutError" },
    );
  });
  await locking.execute(["order:1", "order:2"], async () => {});
  const told = await metrics.collect();
  const acquisitions = (attributes) => pointOf(told["lock.acquisitions"], attributes);
  assert.equal(acquisitions({ "lock.key.kind": "cart", "lock.outcome": "held" }), 1);
  assert.equal(acquisitions({ "lock.key.kind": "cart", "lock.outcome": "refused", "error.type": "LOCK_NOT_ACQUIRED" }), 1);
  assert.equal(acquisitions({ "lock.key.kind": "cart", "lock.outcome": "timeout", "error.type": "LOCK_TIMEOUT" }), 1);
  assert.equal(acquisitions({ "lock.key.kind": "cart", "lock.outcome": "withdrawn" }), 1);
  assert.equal(acquisitions({ "lock.key.kind": "order", "lock.outcome": "held" }), 1);
  assert.equal(told["lock.wait.duration"].unit, "s");
  const waited = pointOf(told["lock.wait.duration"], { "lock.key.kind": "cart", "error.type": "LOCK_TIMEOUT" });
  assert.ok(waited.count === 1 && waited.sum >= 0.9, JSON.stringify(waited));
  assert.equal(told["lock.hold.duration"].unit, "s");
  assert.equal(pointOf(told["lock.hold.duration"], { "lock.key.kind": "cart" }).count, 1);
  assert.ok(pointOf(told["lock.hold.duration"], { "lock.key.kind": "cart" }).sum >= 0.9);
});

test("waiters, locks, the connection and its mode are asked for when somebody collects", OURS_ONLY, async () => {
  const locks = client();
  const [held, end] = [deferred(), deferred()];
  const job = locks.withLock("stock-1", async () => {
    held.resolve();
    await end.promise;
  });
  await held.promise;
  const waiting = locks.withLock("stock-1", { waitMs: 30_000 }, async () => {});
  await until("a call waits", () => locks.stats().waiting === 1);
  const { calls, held: keys, waiting: calls2, isUp, mode, losses, reconnects, renewalsFailed } = locks.stats();
  assert.deepEqual([calls, keys, calls2, isUp, mode, losses, reconnects, renewalsFailed], [2, 1, 1, true, "hand-off", 0, 0, 0]);
  const told = await metrics.collect();
  assert.equal(pointOf(told["lock.waiters"], { "lock.key.kind": "stock" }), 1);
  assert.equal(pointOf(told["lock.held"], { "lock.key.kind": "stock", "lock.namespace": "medusa_lock:" }), 1);
  assert.equal(pointOf(told["lock.connection.up"], { "lock.mode": "hand-off" }), 1);
  assert.equal(pointOf(told["lock.reconnects"], {}), 0);
  assert.equal(pointOf(told["lock.renewals.failed"], {}), 0);
  end.resolve();
  await Promise.all([job, waiting]);
});

test("losses are counted by their reason, and reconnects and renewals that failed with them", OURS_ONLY, async () => {
  const server = await startServer({ version: SERVER });
  const observer = await connect({ port: server.port });
  const locks = client({ url: server.url, logger: {} });
  const deleted = locks.withLock("lost_1", { leaseMs: 1_000 }, async (lock) => {
    await observer.command("DEL", "medusa_lock:lost_1");
    await until("the loss is told", () => lock.signal.aborted);
  });
  await refused(deleted, { code: "LOCK_LOST" });
  const lapsed = locks.withLock("lost_2", { leaseMs: 1_000 }, async (lock) => {
    observer.close();
    await server.stop();
    await until("the loss is told", () => lock.signal.aborted);
  });
  await refused(lapsed, { code: "LOCK_LOST" });
  const told = await metrics.collect();
  assert.equal(pointOf(told["lock.losses"], { "lock.key.kind": "lost", "lock.loss.reason": "deleted" }), 1);
  assert.equal(pointOf(told["lock.losses"], { "lock.key.kind": "lost", "lock.loss.reason": "lapsed" }), 1);
  assert.ok(pointOf(told["lock.renewals.failed"], { "server.port": server.port }) > 0);
  assert.equal(pointOf(told["lock.connection.up"], { "server.port": server.port }), 0);
  const { losses, isUp } = locks.stats();
  assert.deepEqual([losses, isUp], [2, false]);
});

test("there are 64 kinds at most, and a function of the shop's may name them", OURS_ONLY, async () => {
  const locks = client();
  await Promise.all(Array.from({ length: 70 }, (_, at) => locks.withLock(`kind${at}_1`, () => {})));
  const kinds = (await metrics.collect())["lock.hold.duration"].points.map((point) => point.attributes["lock.key.kind"]);
  assert.equal(kinds.filter((kind) => kind.startsWith("kind")).length, 64);
  assert.equal(pointOf((await metrics.collect())["lock.hold.duration"], { "lock.key.kind": "other" }).count, 6);

  const lines = [];
  const logger = { warn: (text) => lines.push(text) };
  const named = client({
    logger,
    keyKind: (key) => {
      if (key === "bad") throw new Error("no kind");
      return `of ${key.length}`;
    },
  });
  await named.withLock("abc", () => {});
  await named.withLock("bad", () => {});
  await named.withLock("bad", () => {});
  const told = (await metrics.collect())["lock.hold.duration"];
  assert.equal(pointOf(told, { "lock.key.kind": "of 3" }).count, 1);
  assert.equal(pointOf(told, { "lock.key.kind": "other" }).count, 8);
  assert.equal(lines.filter((line) => /"keyKind" failed .*no kind/.test(line)).length, 1, lines.join("\n"));
});

test("every call is counted, also of so many at once that not all durations are recorded", OURS_ONLY, async () => {
  const locks = client();
  await Promise.all(Array.from({ length: 5_000 }, (_, at) => locks.withLock(`many_${at}`, () => {})));
  const told = await metrics.collect();
  const counted = told["lock.acquisitions"].points.filter((point) => point.attributes["lock.key.kind"] === "many");
  const all = counted.reduce((sum, { value }) => sum + value, 0);
  const measured = pointOf(told["lock.wait.duration"], { "lock.key.kind": "many" }).count;
  assert.equal(all, 5_000);
  assert.ok(measured >= 1_000 && measured <= all, String(measured));
});

test("an option that cannot be used is refused by name", OURS_ONLY, () => {
  assert.throws(() => client({ telemetry: "maybe" }), { code: "INVALID_OPTION", message: /"telemetry" .*must be true or false/ });
  assert.throws(() => client({ keyKind: "cart" }), { code: "INVALID_OPTION", message: /"keyKind" .*must be a function, got a string/ });
  assert.throws(() => client({ slowWaitMs: 0 }), { code: "INVALID_OPTION", message: /"slowWaitMs" .*at least 1/ });
  assert.throws(() => client({ slowHoldMs: "soon" }), { code: "INVALID_OPTION", message: /"slowHoldMs" .*number/ });
  assert.throws(() => client({ detectSelfDeadlock: 1 }), { code: "INVALID_OPTION", message: /"detectSelfDeadlock" .*true or false/ });
});
