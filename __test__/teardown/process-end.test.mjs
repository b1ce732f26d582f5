import assert from "node:assert/strict";
import test from "node:test";
import { freePort } from "../../harness/redis-servers.mjs";
import { SIGNALS, STOPPED_SERVERS } from "../../harness/system.mjs";
import { deferred, openTestbed, until } from "../support/testbed.mjs";
import { play } from "./support.mjs";

const bed = openTestbed();

test("an idle provider does not keep its process alive", async () => {
  const { code, signal, output } = await play(["idle", bed.url]).ended;
  assert.deepEqual({ code, signal, output: output.trim() }, { code: 0, signal: null, output: "idle" });
});

test("a call under way keeps its process alive until it is answered", async () => {
  const { code, signal, output } = await play(["pending", bed.url]).ended;
  assert.deepEqual({ code, signal, output: output.trim() }, { code: 0, signal: null, output: "answered" });
});

test("a call that fails at once keeps its process alive until that is told", async () => {
  for (const lane of ["loop", "thread"]) {
    const nowhere = `redis://127.0.0.1:${await freePort()}`;
    const { code, output } = await play(["refused", nowhere], [], { MEDUSA_LOCKING_LANE: lane }).ended;
    assert.deepEqual({ code, output: output.trim() }, { code: 0, output: "Connection is closed." });
  }
});

test("results that wait to be told keep their process alive", async () => {
  for (const lane of ["loop", "thread"]) {
    const { code, output } = await play(["results", bed.url], [], { MEDUSA_LOCKING_LANE: lane }).ended;
    assert.deepEqual({ code, output: output.trim() }, { code: 0, output: "all are told" });
  }
});

for (const [how, expected] of [
  ["exit", 0],
  ["throw", 1],
]) {
  test(`the locks that execute held or was taking when its process ended by ${how} have two seconds left at most`, async () => {
    const { code, signal, output } = await play(["ending", bed.url, how]).ended;
    assert.deepEqual({ code, signal }, { code: expected, signal: null }, output);
    const locks = await bed.locks();
    assert.ok(locks.length >= 50, `${locks.length} locks were held`);
    for (const row of locks) assert.ok(row.pttl > 0 && row.pttl <= 2_000, `${row.name} has ${row.pttl} ms left`);
  });
}

test("a process that ends as soon as it was handed a lock leaves it with two seconds at most", async () => {
  const holder = await bed.boot();
  const end = deferred();
  const held = holder.locking.execute("k", () => end.promise);
  await until("k is held", async () => (await bed.locks()).length === 1);
  const { ended } = play(["handed", bed.url]);
  await until("somebody waits", async () => (await bed.command("KEYS", "mlr!*w:*")).length === 1);
  end.resolve();
  await held;
  const { code, signal, output } = await ended;
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, output);
  const [row] = await bed.locks();
  assert.ok(row.pttl > 0 && row.pttl <= 2_000, `${row.name} has ${row.pttl} ms left`);
});

test("a process that ends while it waits for one key of two leaves the other with two seconds at most", async () => {
  const holder = await bed.boot();
  for (const lane of ["loop", "thread"]) {
    const end = deferred();
    const held = holder.locking.execute("b", () => end.promise);
    await until("b is held", async () => (await bed.locks()).length === 1);
    const { child, ended } = play(["between", bed.url], [], { MEDUSA_LOCKING_LANE: lane });
    await until("it has its first key", async () => (await bed.locks()).length === 2);
    child.send("end");
    await ended;
    const left = (await bed.locks()).filter((row) => row.name === "medusa_lock:a");
    for (const row of left) assert.ok(row.pttl <= 2_000, `${row.name} has ${row.pttl} ms left`);
    end.resolve();
    await held;
    await bed.command("DEL", "medusa_lock:a");
  }
});

test("SIGTERM ends a plain script as if the package were not there", SIGNALS, async () => {
  const { child, ended, said } = play(["ending", bed.url, "signal"]);
  await said("holding");
  child.kill("SIGTERM");
  const { code, signal } = await ended;
  assert.deepEqual({ code, signal }, { code: null, signal: "SIGTERM" });
});

test("a hung server does not hold up the end of a process", STOPPED_SERVERS, async () => {
  const { child, ended, said } = play(["ending", bed.url, "hung"]);
  await said("holding");
  await bed.server.kill("SIGSTOP");
  try {
    child.send("end");
    const { code, signal } = await ended;
    assert.deepEqual({ code, signal }, { code: 0, signal: null });
  } finally {
    await bed.server.kill("SIGCONT");
  }
});
