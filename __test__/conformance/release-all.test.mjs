import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred, NS, OURS_ONLY, openTestbed, refused } from "../support/testbed.mjs";

const bed = openTestbed();

test("releaseAll with an owner frees that owner's locks only", async () => {
  const { locking } = await bed.boot();
  await locking.acquire(["a", "b"], { ownerId: "me", expire: 60 });
  await locking.acquire("c", { ownerId: "me" });
  await locking.acquire("theirs", { ownerId: "other" });
  await locking.acquire("nobody's");
  assert.equal(await locking.releaseAll({ ownerId: "me" }), undefined);
  assert.deepEqual(await bed.owners(), { [`${NS}theirs`]: "other", [`${NS}nobody's`]: "*" });
});

test("releaseAll of the asterisk frees ownerless locks only", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("mine", { ownerId: "me" });
  await locking.acquire("nobody's");
  await locking.releaseAll({ ownerId: "*" });
  assert.deepEqual(await bed.owners(), { [`${NS}mine`]: "me" });
});

test("releaseAll without an owner frees every lock of the namespace", OURS_ONLY, async () => {
  for (const args of [undefined, {}, { ownerId: undefined }, { ownerId: null }]) {
    const { locking } = await bed.boot();
    await locking.acquire(["a", "b"], { ownerId: "me", expire: 60 });
    await locking.acquire("theirs", { ownerId: "other" });
    await locking.acquire("nobody's");
    await locking.releaseAll(args);
    assert.deepEqual(await bed.owners(), {}, `releaseAll(${JSON.stringify(args)})`);
  }
});

test("releaseAll leaves other namespaces and everything that is no lock alone", async () => {
  const { locking } = await bed.boot();
  await bed.command("SET", "medusa_lock", "*");
  await bed.command("SET", "other:k", "*");
  await bed.command("SET", "xmedusa_lock:k", "*");
  await bed.command("HSET", `${NS}hash`, "field", "*");
  await bed.command("RPUSH", `${NS}list`, "*");
  await locking.acquire("k");
  await locking.releaseAll({ ownerId: "*" });
  assert.deepEqual((await bed.command("KEYS", "*")).filter((name) => !name.startsWith("mlr!{")).sort(), [
    "medusa_lock",
    `${NS}hash`,
    `${NS}list`,
    "other:k",
    "xmedusa_lock:k",
  ]);
});

test("releaseAll without an owner leaves what is no lock alone", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await bed.command("HSET", `${NS}hash`, "field", "*");
  await bed.command("SET", "other:k", "someone");
  await locking.acquire("k", { ownerId: "me" });
  await locking.releaseAll();
  assert.equal(await bed.owner(`${NS}k`), null);
  assert.equal(await bed.command("TYPE", `${NS}hash`), "hash");
  assert.equal(await bed.owner("other:k"), "someone");
});

test("releaseAll finds thousands of locks among thousands of other keys", async () => {
  const { locking } = await bed.boot();
  const count = 3000;
  const writes = [];
  for (let i = 0; i < count; i += 1) {
    writes.push(
      bed.command("SET", `${NS}mine-${i}`, "me"),
      bed.command("SET", `${NS}theirs-${i}`, "other"),
      bed.command("SET", `stuff-${i}`, "me"),
    );
  }
  await Promise.all(writes);
  await locking.releaseAll({ ownerId: "me" });
  assert.equal((await bed.command("KEYS", `${NS}mine-*`)).length, 0);
  assert.equal((await bed.command("KEYS", `${NS}theirs-*`)).length, count);
  assert.equal((await bed.command("KEYS", "stuff-*")).length, count);
});

test("releaseAll on an empty database does nothing", async () => {
  const { locking } = await bed.boot();
  await locking.releaseAll({ ownerId: "me" });
  await locking.releaseAll({ ownerId: "*" });
  assert.deepEqual(await bed.locks(), []);
});

test("a key that releaseAll freed can be taken at once, and its old owner's release tells false", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "me" });
  await locking.releaseAll({ ownerId: "me" });
  await locking.acquire("k", { ownerId: "other" });
  assert.equal(await locking.release("k", { ownerId: "me" }), false);
  assert.equal(await bed.owner(`${NS}k`), "other");
});

test("releaseAll of a named owner leaves a running execute alone", async () => {
  const { locking } = await bed.boot();
  const [started, gate] = [deferred(), deferred()];
  const running = locking.execute("k", async () => {
    started.resolve();
    await gate.promise;
    return "done";
  });
  await started.promise;
  await locking.releaseAll({ ownerId: "me" });
  await locking.releaseAll({ ownerId: "*" });
  assert.match(await bed.owner(`${NS}k`), /^execute:/);
  gate.resolve();
  assert.equal(await running, "done");
});

test("releaseAll without an owner takes the lock from a running execute, which says so", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const [started, gate] = [deferred(), deferred()];
  const running = locking.execute("k", async () => {
    started.resolve();
    await gate.promise;
  });
  await started.promise;
  await locking.releaseAll();
  assert.equal(await bed.owner(`${NS}k`), null);
  gate.resolve();
  await refused(running, { type: "conflict", code: "LOCK_LOST", message: /^Lost the lock for key\(s\) "k"/ });
});

test("releaseAll with an owner that no caller may have is refused", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  for (const ownerId of [{}, ["me"], true, "execute:x"]) {
    await refused(locking.releaseAll({ ownerId }), { type: "invalid_data", code: "INVALID_ARGUMENT" });
  }
});
