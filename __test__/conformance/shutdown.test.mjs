import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { deferred, HANG_GUARD_MS, NS, OURS_ONLY, openTestbed, until } from "../support/testbed.mjs";

const bed = openTestbed();

const run = promisify(execFile);
const LOCKING_MODULE = new URL("../../harness/locking-module.mjs", import.meta.url).href;

/** Runs a program that boots the module as `booted` on our server. The program has to end by itself. */
async function program(body) {
  const code = `
    import { bootLocking, providerEntry } from ${JSON.stringify(LOCKING_MODULE)};
    const booted = await bootLocking({ providers: [providerEntry(${JSON.stringify(bed.options())})] });
    const { locking } = booted;
    ${body}
  `;
  return run(process.execPath, ["--input-type=module", "-e", code], { timeout: HANG_GUARD_MS });
}

test("shutdown may be called twice, at the same time and one after the other", OURS_ONLY, async () => {
  const booted = await bed.boot();
  const provider = booted.provider();
  await locksOnce(booted.locking);
  await Promise.all([provider.shutdown(), provider.shutdown()]);
  assert.equal(await provider.shutdown(), undefined);
  await booted.provider("lp_locking-redis").shutdown();
});

test("after shutdown calls are refused and nothing is locked", OURS_ONLY, async () => {
  const booted = await bed.boot();
  const provider = booted.provider();
  await provider.shutdown();
  for (const call of [
    () => provider.acquire("k", { ownerId: "me" }),
    () => provider.execute("k", async () => assert.fail("the job ran")),
    () => provider.release("k", { ownerId: "me" }),
    () => provider.releaseAll({ ownerId: "me" }),
  ]) {
    await assert.rejects(call(), { code: "PROVIDER_CLOSED" });
  }
  assert.deepEqual(await bed.locks(), []);
});

test("shutdown ends the wait of those that wait, and they take nothing", OURS_ONLY, async () => {
  const booted = await bed.boot();
  await bed.command("SET", `${NS}k`, "somebody");
  const waiting = [
    booted.locking.execute("k", async () => assert.fail("the job ran"), { timeout: 600 }),
    booted.locking.acquire("k", { awaitQueue: true, timeout: Number.POSITIVE_INFINITY }),
  ];
  const ends = Promise.allSettled(waiting);
  await booted.provider().shutdown();
  for (const end of await ends) {
    assert.equal(end.status, "rejected");
    assert.equal(end.reason.code, "PROVIDER_CLOSED");
  }
  await bed.command("DEL", `${NS}k`);
  assert.deepEqual(await bed.locks(), []);
});

test("shutdown closes the connections", OURS_ONLY, async () => {
  const clients = async () => (await bed.command("CLIENT", "LIST")).trim().split("\n").length;
  const before = await clients();
  const booted = await bed.boot();
  await locksOnce(booted.locking);
  assert.ok((await clients()) > before);
  await booted.provider().shutdown();
  // Connections of earlier tests may still be closing.
  await until("no more connections are left than before", async () => (await clients()) <= before);
});

test("an idle provider does not keep the process alive", OURS_ONLY, async () => {
  await program("await locking.acquire('left', { ownerId: 'me' });");
  // A lock of acquire is its owner's responsibility, also after the end of the process.
  assert.deepEqual(await bed.owners(), { [`${NS}left`]: "me" });
});

test("a process that ends without shutdown after an execute leaves nothing locked", OURS_ONLY, async () => {
  await program("await locking.execute(['a', 'b'], async () => {});");
  assert.deepEqual(await bed.locks(), []);
});

test("process.exit in the middle of a job leaves the key for two seconds at most", OURS_ONLY, async () => {
  await program("await locking.execute('k', async () => process.exit(0), { expire: 600 });");
  const left = await bed.pttl(`${NS}k`);
  assert.ok(left <= 2000 && left !== -1, `${left} ms left`);
});

test("a pending wait keeps the process alive until it is over", OURS_ONLY, async () => {
  const gate = deferred();
  await bed.command("SET", `${NS}k`, "somebody");
  const ended = program("await locking.acquire('k', { ownerId: 'waiter', awaitQueue: true, timeout: 20 });").finally(gate.resolve);
  await until("the program waits", async () => (await bed.command("INFO", "clients")).match(/connected_clients:(\d+)/)[1] > 1);
  await bed.command("DEL", `${NS}k`);
  await gate.promise;
  await ended;
  assert.equal(await bed.owner(`${NS}k`), "waiter");
});

async function locksOnce(locking) {
  await locking.execute("once", async () => {});
}
