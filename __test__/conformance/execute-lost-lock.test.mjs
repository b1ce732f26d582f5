import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deferred, exceptOn, NS, OURS_ONLY, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();

const lostText = (...keys) =>
  `Lost the lock for key(s) "${keys.join('", "')}" while the job was still running: the lease expired before it could be renewed. Increase "expire" if the job is expected to run this long.`;

const aborted = (signal) =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", resolve, { once: true });
  });

test("a lease is renewed for as long as the job runs", async () => {
  const { locking } = await bed.boot();
  const result = await locking.execute(
    "k",
    async (signal) => {
      const owner = await bed.owner(`${NS}k`);
      await bed.renewals(`${NS}k`, 5);
      assert.equal(await bed.owner(`${NS}k`), owner);
      assert.equal(signal.aborted, false);
      return "done";
    },
    { expire: 1 },
  );
  assert.equal(result, "done");
  assert.deepEqual(await bed.locks(), []);
});

test("all keys of one execute are renewed", async () => {
  const { locking } = await bed.boot();
  await locking.execute(
    ["a", "b"],
    async () => {
      await Promise.all([bed.renewals(`${NS}a`, 2), bed.renewals(`${NS}b`, 2)]);
    },
    { expire: 1 },
  );
});

test("a lock deleted under a running job aborts its signal, and execute is refused with the official text", async () => {
  const { locking, logs } = await bed.boot();
  let reason;
  const running = locking.execute(
    "k",
    async (signal) => {
      await bed.command("DEL", `${NS}k`);
      await aborted(signal);
      reason = signal.reason;
      return "should not be reported";
    },
    { expire: 1 },
  );
  const error = await refused(running, { message: lostText("k"), type: "conflict" });
  assert.equal(error, reason);
  assert.ok(
    logs.some((line) => line.level === "warn" && line.text.includes(lostText("k"))),
    "nothing was logged",
  );
});

test("a lost lock carries the code LOCK_LOST and its keys", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const job = async (signal) => {
    await bed.command("DEL", `${NS}b`);
    await aborted(signal);
  };
  const error = await refused(locking.execute(["a", "b"], job, { expire: 1 }), {
    message: lostText("b"),
    type: "conflict",
    code: "LOCK_LOST",
  });
  assert.deepEqual(error.keys, ["b"]);
  assert.deepEqual(await bed.locks(), []);
});

test("a lock that another owner took over is left to that owner", async () => {
  const { locking } = await bed.boot();
  const job = async (signal) => {
    await bed.command("SET", `${NS}k`, "somebody else", "PX", 60_000);
    await aborted(signal);
  };
  await refused(locking.execute("k", job, { expire: 1 }), { message: lostText("k"), type: "conflict" });
  assert.equal(await bed.owner(`${NS}k`), "somebody else");
});

test("a lock lost before any renewal is noticed at the release", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const job = async () => {
    await bed.command("SET", `${NS}k`, "somebody else", "PX", 60_000);
    return "should not be reported";
  };
  await refused(locking.execute("k", job, { expire: 600 }), { message: lostText("k"), type: "conflict", code: "LOCK_LOST" });
  assert.equal(await bed.owner(`${NS}k`), "somebody else");
});

test("a job that takes no arguments is told of by the log and by execute all the same", async () => {
  const { locking, logs } = await bed.boot();
  const job = async () => {
    await bed.command("DEL", `${NS}k`);
    await until("the loss is logged", () => logs.some((line) => line.level === "warn" && line.text.includes(lostText("k"))));
    return "should not be reported";
  };
  await refused(locking.execute("k", job, { expire: 1 }), { message: lostText("k"), type: "conflict" });
});

test("losing one of several keys gives back the others", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const job = async () => {
    await bed.command("SET", `${NS}b`, "somebody else");
  };
  const error = await refused(locking.execute(["a", "b", "c"], job, { expire: 600 }), { message: lostText("b"), code: "LOCK_LOST" });
  assert.deepEqual(error.keys, ["b"]);
  assert.deepEqual(await bed.owners(), { [`${NS}b`]: "somebody else" });
});

test("the job's own error comes out when its lock was lost too", async () => {
  const { locking } = await bed.boot();
  const reason = new Error("out of stock");
  const job = async (signal) => {
    await bed.command("DEL", `${NS}k`);
    await aborted(signal);
    throw reason;
  };
  await assert.rejects(locking.execute("k", job, { expire: 1 }), (error) => error === reason);
});

test("the loss of one lock does not touch another execute", async () => {
  const { locking } = await bed.boot();
  const gate = deferred();
  const other = locking.execute(
    "safe",
    async (signal) => {
      await gate.promise;
      return signal.aborted;
    },
    { expire: 1 },
  );
  const job = async (signal) => {
    await bed.command("DEL", `${NS}lost`);
    await aborted(signal);
  };
  await refused(locking.execute("lost", job, { expire: 1 }), { message: lostText("lost") });
  gate.resolve();
  assert.equal(await other, false);
});

const WHILE_BLOCKED = exceptOn("proxy", "the proxy runs on the event loop that is blocked", OURS_ONLY);

test("a key lost during an event loop that was blocked is not lost", WHILE_BLOCKED, async () => {
  const { locking } = await bed.boot();
  const samples = await locking.execute(
    "k",
    async (signal) => {
      // Three times the lease. No JavaScript of this process can renew the lock meanwhile.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
      assert.equal(signal.aborted, false);
      return [await bed.owner(`${NS}k`), await bed.pttl(`${NS}k`)];
    },
    { expire: 1 },
  );
  assert.match(samples[0], /^execute:/);
  assert.ok(samples[1] > 0);
});

test("an event loop blocked for longer than maximumStallMs loses its lock and learns of it", OURS_ONLY, async () => {
  const { locking } = await bed.boot({ maximumStallMs: 1000 });
  const job = async () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000);
    assert.equal(await bed.owner(`${NS}k`), null);
  };
  await refused(locking.execute("k", job, { expire: 1 }), { message: lostText("k"), type: "conflict", code: "LOCK_LOST" });
});

test("a job that ends with Node's own AbortError because its lock was lost is told LOCK_LOST", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const begun = deferred();
  const call = locking.execute("k", async (signal) => {
    begun.resolve();
    await sleep(60_000, undefined, { signal });
  });
  await begun.promise;
  // The call may fail before releaseAll ends, so its error is caught from here on.
  const told = refused(call, { code: "LOCK_LOST", message: lostText("k") });
  await locking.releaseAll();
  await told;
});

test("a job's own error is told, also when its lock was lost", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const begun = deferred();
  const call = locking.execute("k", async (signal) => {
    begun.resolve();
    await aborted(signal);
    throw new Error("the payment was refused");
  });
  await begun.promise;
  // The call may fail before releaseAll ends, so its error is caught from here on.
  const told = assert.rejects(call, { message: "the payment was refused" });
  await locking.releaseAll();
  await told;
});
