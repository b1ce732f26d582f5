// The holders and waiters of locks. The question goes over Redis, and the processes themselves answer.

import assert from "node:assert/strict";
import { once } from "node:events";
import os from "node:os";
import { afterEach, test } from "node:test";
import { messageOf } from "../support/children.mjs";
import { deferred, hold, NS, openTestbed, until } from "../support/testbed.mjs";
import { openInspector, startHolder } from "./support.mjs";

const bed = openTestbed();
const WAIT_MS = 300;
const children = [];

afterEach(async () => {
  for (const child of children.splice(0)) await end(child);
});

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "close");
}

async function holder(key, more = {}) {
  const child = await startHolder({ options: bed.options(), key, ...more });
  children.push(child);
  return child;
}

/** Asks until `processes` have answered, because a process begins to listen a moment after its boot. */
async function askUntil(inspector, processes) {
  let census;
  await until(`${processes} processes answer`, async () => {
    census = await inspector.ask(null, WAIT_MS);
    return census.answers?.length >= processes;
  });
  return census;
}

const lockOf = (census, key) =>
  census.answers.flatMap(({ process, locks }) => locks.map((lock) => ({ ...lock, process }))).find((lock) => lock.key === NS + key);

test("a process says what it holds, since when and what for, and who waits", async () => {
  const booted = await bed.boot();
  const inspector = openInspector(bed.options());
  const release = await hold(booted, "cart_1");
  const waiter = booted.locking.execute("cart_1", async () => {}, { timeout: 30, label: "second" });
  const census = await askUntil(inspector, 1);
  const [answer] = census.answers;
  assert.equal(answer.process.host, os.hostname());
  assert.equal(answer.process.pid, process.pid);
  assert.equal(answer.process.mode, "hand-off");
  assert.equal(answer.process.stuckMs, null);
  assert.equal(answer.complete, true);
  const lock = lockOf(census, "cart_1");
  assert.equal(lock.owner, await bed.owner(`${NS}cart_1`));
  assert.equal(lock.state, "held");
  assert.ok(lock.leaseMs === 60_000 && lock.leftMs > 0);
  assert.deepEqual(
    answer.waits.map(({ key, count, labels }) => ({ key, count, labels })),
    [{ key: `${NS}cart_1`, count: 1, labels: ["second"] }],
  );
  await Promise.all([release(), waiter]);
  inspector.close();
});

test("a question about one key is answered about that key only", async () => {
  const booted = await bed.boot();
  const inspector = openInspector(bed.options());
  const holds = [await hold(booted, "a"), await hold(booted, "b")];
  await askUntil(inspector, 1);
  const census = await inspector.ask([`${NS}b`], WAIT_MS);
  assert.deepEqual(
    census.answers[0].locks.map((lock) => lock.key),
    [`${NS}b`],
  );
  for (const release of holds) await release();
  inspector.close();
});

test("a process whose event loop is stuck answers all the same, and says so", async () => {
  await holder("stuck", { label: "import of prices", blockMs: 4_000 });
  const inspector = openInspector(bed.options());
  let lock;
  await until("the process is stuck and answers", async () => {
    lock = lockOf(await inspector.ask(null, WAIT_MS), "stuck");
    return lock?.process.stuckMs > 0;
  });
  assert.equal(lock.label, "import of prices");
  inspector.close();
});

test("a process that was killed does not answer, and Redis still names its mark", async () => {
  const child = await holder("killed");
  const inspector = openInspector(bed.options());
  const before = await askUntil(inspector, 1);
  const { id } = lockOf(before, "killed").process;
  await end(child);
  await until("Redis has noticed that it is gone", async () => (await inspector.ask(null, WAIT_MS)).answers.length === 0);
  const { locks } = await inspector.read([`${NS}killed`]);
  assert.equal(locks[0].mark, id);
  assert.ok(locks[0].leftMs > 0);
  inspector.close();
});

test("a lock that is released by hand goes to the next waiter, and its job is told by whom", async () => {
  const child = await holder("by-hand");
  const booted = await bed.boot();
  const inspector = openInspector(bed.options());
  await askUntil(inspector, 2);
  const served = deferred();
  const waiter = booted.locking.execute("by-hand", async () => served.resolve(), { timeout: 30 });
  await until("somebody waits", async () => (await inspector.read([`${NS}by-hand`])).locks[0].queue.length === 1);
  const owner = await bed.owner(`${NS}by-hand`);
  assert.deepEqual(await inspector.free(`${NS}by-hand`, "execute:somebody-else", null, "nobody"), { freed: 0 });
  assert.deepEqual(await inspector.free(`${NS}by-hand`, owner, null, "ada@desk, pid 7"), { freed: 1 });
  await served.promise;
  await waiter;
  const { code, cause } = await messageOf(child);
  assert.equal(code, "LOCK_LOST");
  assert.match(cause, /released by hand, by ada@desk, pid 7/);
  inspector.close();
});

test("a lock of an acquire that nobody looks after has its label until its release", async () => {
  const { locking } = await bed.boot();
  const inspector = openInspector(bed.options());
  await locking.acquire(["one", "two"], { ownerId: "workflow-9", expire: 30, label: "create order" });
  const census = await askUntil(inspector, 1);
  assert.equal(lockOf(census, "one").label, "create order");
  assert.equal(lockOf(census, "one").state, "unwatched");
  const { locks } = await inspector.read([`${NS}one`]);
  assert.equal(locks[0].mark, census.answers[0].process.id);
  assert.equal(locks[0].token, lockOf(census, "one").token);
  await locking.release(["one", "two"], { ownerId: "workflow-9" });
  assert.equal(lockOf(await inspector.ask(null, WAIT_MS), "one"), undefined);
  inspector.close();
});

test("the keys of the namespace are listed without side keys", async () => {
  const { locking } = await bed.boot();
  const inspector = openInspector(bed.options());
  const keys = Array.from({ length: 25 }, (_, at) => `key_${at}`);
  await locking.acquire(keys, { ownerId: "me", expire: 30 });
  const found = await inspector.scan(100);
  assert.deepEqual(found, { keys: keys.map((key) => NS + key).sort(), more: false });
  assert.equal((await inspector.scan(10)).more, true);
  inspector.close();
});

test("a server that refuses, and one that is not there, are told as such", async () => {
  const inspector = openInspector(bed.options());
  assert.match((await inspector.command(null, ["NOSUCHCOMMAND"])).error, /unknown command/i);
  inspector.close();
  const nowhere = openInspector({ redisUrl: "redis://127.0.0.1:1" });
  assert.match((await nowhere.ask(null, WAIT_MS)).broken, /ECONNREFUSED/);
  nowhere.close();
});
