// The option `safety`, on a master with one replica: a lock counts once the replica has it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startServer } from "../../harness/redis-servers.mjs";
import { STOPPED_SERVERS } from "../../harness/system.mjs";
import { deferred, NS, openTestbed, refused, SERVER, until } from "../support/testbed.mjs";
import { startWaiters } from "../waiting/support.mjs";

const bed = openTestbed({ args: ["--repl-diskless-sync-delay", "0"] });
const SAFETY = { replicas: 1, timeoutMs: 200 };
let replica;

before(async () => {
  // The hooks of a file do not wait for each other.
  await until("the master is there", () => bed.observer);
  replica = await startServer({ version: SERVER, args: ["--replicaof", "127.0.0.1", String(bed.server.port)] });
  await until("the replica takes part", async () => {
    // For a connection that has written nothing, WAIT counts every known replica.
    await bed.command("INCR", "written");
    return (await bed.command("WAIT", 1, 100)) === 1;
  });
});
afterEach(() => STOPPED_SERVERS.skip || replica.kill("SIGCONT"));
after(() => replica.stop());

test("a lock that is held is on the replica, however it was taken", async () => {
  const { locking } = await bed.boot({ safety: SAFETY });
  const onReplica = async (key) => assert.equal(await replica.cli("GET", NS + key), await bed.owner(NS + key));
  await locking.acquire("named", { ownerId: "me", expire: 10 });
  await onReplica("named");
  await locking.execute(["a", "b"], async () => {
    await onReplica("a");
    await onReplica("b");
  });
  // Repeated calls, of which some wait, because such calls share commands.
  await Promise.all(Array.from({ length: 20 }, (_, at) => locking.execute(`k${at % 5}`, () => onReplica(`k${at % 5}`))));
  assert.equal(await locking.release("named", { ownerId: "me" }), true);
  assert.deepEqual(await bed.locks(), []);
});

test("a replica that does not answer makes calls fail with LOCK_NOT_REPLICATED, and nothing stays locked", STOPPED_SERVERS, async () => {
  const { locking } = await bed.boot({ safety: SAFETY });
  await locking.acquire("old", { ownerId: "me", expire: 60 });
  await replica.kill("SIGSTOP");
  const expected = { code: "LOCK_NOT_REPLICATED", type: "unexpected_state", message: /key "k".*0 of 1 replicas.*within 200 ms/ };
  const error = await refused(
    locking.execute("k", () => assert.fail("ran")),
    expected,
  );
  assert.deepEqual(error.keys, ["k"]);
  await refused(locking.acquire("k", { ownerId: "me" }), expected);
  await refused(locking.acquire(["k", "old"], { ownerId: "me" }), { code: "LOCK_NOT_REPLICATED" });
  await until("only what was held before is left", async () => Object.keys(await bed.owners()).length === 1);
  assert.deepEqual(await bed.owners(), { [`${NS}old`]: "me" });
  assert.equal(await locking.release("old", { ownerId: "me" }), true, "a release needs no replica");

  await replica.kill("SIGCONT");
  assert.equal(await locking.execute("k", async () => "again"), "again");
});

test("a job whose replica stops is told by its signal, and its result is not reported as safe", STOPPED_SERVERS, async () => {
  const { locking, logs } = await bed.boot({ safety: SAFETY });
  const running = deferred();
  const job = locking.execute(
    "k",
    async (signal) => {
      running.resolve();
      await once(signal, "abort");
      return "done";
    },
    { expire: 2 },
  );
  await running.promise;
  await sleep(1_500);
  await replica.kill("SIGSTOP");
  await refused(job, { code: "LOCK_LOST" });
  assert.ok(
    logs.some(({ text }) => /Failed to renew lock for key\(s\) "k": 0 of 1 replicas/.test(text)),
    logs.map(({ text }) => text).join("\n"),
  );
});

test("a job outlives its lease while the replica has its renewals, and a replica that comes back in time", STOPPED_SERVERS, async () => {
  const { locking } = await bed.boot({ safety: SAFETY });
  const job = locking.execute(
    "k",
    async (_signal, lock) => {
      await sleep(1_500);
      await replica.kill("SIGSTOP");
      await sleep(900);
      await replica.kill("SIGCONT");
      await sleep(1_500);
      lock.assertHeld();
      return "done";
    },
    { expire: 3 },
  );
  assert.equal(await job, "done");
});

test("callers that wait are served one after the other, and fail when the replica stops", STOPPED_SERVERS, async () => {
  const boots = [await bed.boot({ safety: SAFETY }), await bed.boot({ safety: SAFETY })];
  let inside = 0;
  const job = async () => {
    inside += 1;
    assert.equal(inside, 1, "two jobs at once");
    await sleep(1);
    inside -= 1;
  };
  const callers = (each) => boots.flatMap(({ locking }) => Array.from({ length: each }, () => locking.execute("k", job, { timeout: 30 })));
  await Promise.all(callers(15));

  await boots[0].locking.acquire("k", { ownerId: "holder", expire: 60 });
  const waiting = Promise.allSettled(callers(2));
  await sleep(100);
  await replica.kill("SIGSTOP");
  assert.equal(await boots[0].locking.release("k", { ownerId: "holder" }), true);
  const codes = (await waiting).map(({ reason }) => reason?.code);
  assert.deepEqual([...new Set(codes)], ["LOCK_NOT_REPLICATED"]);
  await until("nothing is left", async () => (await bed.locks()).length === 0);
});

test("the lock goes from process to process", async () => {
  const { locking } = await bed.boot({ safety: SAFETY });
  await locking.acquire("k", { ownerId: "holder", expire: 60 });
  const others = await Promise.all([1, 2].map(() => startWaiters(bed, { key: "k", waiters: 20, options: { safety: SAFETY } })));
  const ended = others.map(({ child }) => once(child, "exit"));
  await locking.release("k", { ownerId: "holder" });
  await Promise.all(ended);
  const served = others.flatMap((other) => other.served);
  assert.equal(new Set(served).size, 40, "each hold has a token of its own");
  assert.deepEqual(await bed.locks(), []);
});

test("where WAIT is refused no lock is given, the error says why, and it heals", async () => {
  await bed.command("ACL", "SETUSER", "hasty", "on", ">pw", "~*", "&*", "+@all", "-wait");
  const { locking, logText } = await bed.boot({ safety: SAFETY, redisUrl: `redis://hasty:pw@127.0.0.1:${bed.server.port}` });
  assert.match(logText, /option safety needs WAIT, which Redis refuses/);
  await refused(
    locking.execute("k", () => assert.fail("ran")),
    { code: "REDIS_REFUSED", message: /option safety needs WAIT/ },
  );
  await bed.command("ACL", "SETUSER", "hasty", "+wait");
  await until("calls succeed", () => locking.execute("k", async () => true).catch(() => false));
});

test("a master without replicas is told of at boot, in one line that names the option", async (t) => {
  const alone = await startServer({ version: SERVER });
  t.after(() => alone.stop());
  const { logs } = await bed.boot({ redisUrl: `redis://127.0.0.1:${alone.port}`, safety: SAFETY });
  const lines = logs.filter(({ text }) => /safety\.replicas is 1, and Redis has only 0: .*LOCK_NOT_REPLICATED/.test(text));
  assert.deepEqual(
    lines.map(({ level }) => level),
    ["warn"],
  );
});
