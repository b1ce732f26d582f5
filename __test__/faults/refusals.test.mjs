// Redis is there and refuses: full memory, read only, rights, passwords.

import assert from "node:assert/strict";
import test from "node:test";
import { grant, LEAST } from "../../harness/rights.mjs";
import { NS, OURS_ONLY, openTestbed, refused, until } from "../support/testbed.mjs";
import { untilWaiting } from "../waiting/support.mjs";

const bed = openTestbed();
const REFUSED = { code: "REDIS_REFUSED", type: "locking_error" };

test("full memory: acquire fails and locks nothing, release works", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("held", { ownerId: "me" });
  await locking.acquire(["several", "more"], { ownerId: "me", expire: 60 });
  await bed.command("CONFIG", "SET", "maxmemory", "1");
  try {
    const error = await refused(locking.acquire("k", { ownerId: "me" }), { ...REFUSED, message: /key "k".*maxmemory/s });
    assert.match(String(error.cause), /maxmemory/);
    await refused(locking.acquire(["k", "l"], { ownerId: "me" }), REFUSED);
    await refused(
      locking.execute("k", async () => assert.fail("no job may run")),
      REFUSED,
    );
    assert.deepEqual(Object.keys(await bed.owners()).sort(), [`${NS}held`, `${NS}more`, `${NS}several`]);
    assert.equal(await locking.release("held", { ownerId: "me" }), true);
    assert.equal(await locking.release(["several", "more"], { ownerId: "me" }), true);
    assert.deepEqual(await bed.locks(), []);
  } finally {
    await bed.command("CONFIG", "SET", "maxmemory", "0");
  }
  await locking.acquire("k", { ownerId: "me" });
});

test("a job that ends while memory is full gives its lock back", async () => {
  const { locking } = await bed.boot();
  await locking.execute("k", () => bed.command("CONFIG", "SET", "maxmemory", "1"));
  assert.equal(await bed.owner(`${NS}k`), null);
  await bed.command("CONFIG", "SET", "maxmemory", "0");
});

test("a job that ends while memory is full gives its lock back, also where the same instance has a waiter", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  let waits;
  await locking.execute("k", async () => {
    waits = locking.execute("k", async () => "served", { timeout: 20 });
    await untilWaiting(bed, "k", 1);
    await bed.command("CONFIG", "SET", "maxmemory", "1");
  });
  assert.equal(await waits, "served");
  assert.equal(await bed.owner(`${NS}k`), null);
  await bed.command("CONFIG", "SET", "maxmemory", "0");
});

test("a read-only replica: calls fail, a job's release is repeated until it is a master again", async () => {
  const { locking, logs } = await bed.boot();
  await locking.execute("warm", async () => {});
  const result = await locking.execute("k", async () => {
    await bed.command("REPLICAOF", "127.0.0.1", "1");
    await refused(locking.acquire("l", { ownerId: "me" }), { ...REFUSED, message: /READONLY|read only/ });
    return "done";
  });
  assert.equal(result, "done", "the job's result is not hidden");
  assert.ok(logs.some((line) => line.level === "warn" && /could not be released/.test(line.text)));
  await bed.command("REPLICAOF", "NO", "ONE");
  await until("the lock is released", async () => !(await bed.owner(`${NS}k`)));
});

test("a key that is no string is refused and stays as it is", async () => {
  const { locking } = await bed.boot();
  await bed.command("RPUSH", `${NS}list`, "x");
  await refused(locking.acquire("list"), { ...REFUSED, message: /key "list".*WRONGTYPE/s });
  await refused(locking.acquire(["a", "list"]), REFUSED);
  await refused(locking.release("list"), { ...REFUSED, message: /release key "list".*WRONGTYPE/s });
  await locking.releaseAll();
  assert.equal(await bed.command("TYPE", `${NS}list`), "list");
});

test("a counter that is no number does not leave the key locked", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k");
  await locking.release("k");
  const counter = (await bed.command("KEYS", "mlr!{*f"))[0];
  await bed.command("SET", counter, "not a number");
  await refused(locking.acquire("k"), REFUSED);
  await refused(
    locking.execute("k", async (_signal, lock) => assert.fail(`no job may run: ${lock.keys}`)),
    REFUSED,
  );
  await refused(
    locking.execute("k", async () => assert.fail("no job may run")),
    REFUSED,
  );
  assert.deepEqual(await bed.locks(), []);
});

test("SCRIPT FLUSH under load is not noticed", async () => {
  const { locking } = await bed.boot();
  let done = 0;
  const callers = Array.from({ length: 10 }, async (_, caller) => {
    for (let count = 0; count < 40; count += 1) {
      await locking.execute(`k${caller % 3}`, async () => (done += 1), { timeout: 30 });
      if (count % 5 === 0) await bed.command("SCRIPT", "FLUSH");
    }
  });
  await Promise.all(callers);
  assert.equal(done, 400);
  assert.deepEqual(await bed.locks(), []);
});

test("a user without a right to side keys works in the plain rung, and the log says so once", async () => {
  await bed.command("ACL", "SETUSER", "plain", "on", ">pw", `~${NS}*`, "+@all");
  const { locking, logs } = await bed.boot({ redisUrl: `redis://plain:pw@127.0.0.1:${bed.server.port}` });
  await locking.acquire("k", { ownerId: "me", expire: 30 });
  await refused(locking.acquire("k", { ownerId: "you" }), { code: "LOCK_NOT_ACQUIRED" });
  await locking.acquire("k", { ownerId: "me", expire: 60 });
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
  await locking.execute(["a", "b"], async (_signal, lock) => {
    assert.deepEqual({ ...lock.fencingTokens }, { a: undefined, b: undefined });
    assert.equal((await bed.locks()).length, 2);
  });
  await locking.acquire("k");
  await locking.releaseAll();
  assert.deepEqual(await bed.contents(), [], "no lock, and never a side key");
  const told = logs.filter((line) => line.level === "warn");
  assert.equal(told.length, 1);
  assert.match(told[0].text, /mlr!\*/);
});

test("the rights that the README names are enough", async () => {
  await grant(bed, "least", LEAST);
  const { locking, logs } = await bed.boot({ redisUrl: `redis://least:pw@127.0.0.1:${bed.server.port}` });
  await locking.acquire(["a", "b"], { ownerId: "me", expire: 30 });
  await locking.acquire(["a", "b"], { ownerId: "me" });
  assert.equal(await locking.release(["a", "b"], { ownerId: "me" }), true);
  const token = await locking.execute("k", async (_signal, lock) => lock.fencingTokens.k, { expire: 1 });
  assert.ok(token > 1e15);
  await locking.acquire("k");
  await locking.releaseAll();
  assert.deepEqual(await bed.locks(), []);
  assert.deepEqual(
    logs.filter((line) => line.level !== "info"),
    [],
  );
});

test("a wrong password fails what waits, shows no secret, and is tried again", async () => {
  await bed.command("ACL", "SETUSER", "late", "on", ">first", "~*", "+@all");
  const { locking, logText } = await bed.boot({ redisUrl: `redis://late:s3cretword@127.0.0.1:${bed.server.port}` });
  assert.match(logText, /WRONGPASS/);
  const error = await refused(locking.acquire("k"), { code: "REDIS_AUTH_FAILED" });
  assert.doesNotMatch(`${error.stack} ${error.cause} ${logText}`, /s3cretword/);
  await bed.command("ACL", "SETUSER", "late", ">s3cretword");
  await locking.execute("k", async () => {}, { timeout: 20 }).catch(() => locking.execute("k", async () => {}, { timeout: 20 }));
  assert.deepEqual(await bed.locks(), []);
});
