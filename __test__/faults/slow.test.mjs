// The log names waits and jobs that take long, once each, with the code or the process that causes them.

import assert from "node:assert/strict";
import { once } from "node:events";
import os from "node:os";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startHolder } from "../census/support.mjs";
import { messageOf } from "../support/children.mjs";
import { startHostileProcess, toldLock } from "../support/hostile-process.mjs";
import { deferred, NS, OURS_ONLY, openTestbed, until } from "../support/testbed.mjs";

const bed = openTestbed();

const linesAbout = (booted, words) =>
  booted.logs.filter(({ level, text }) => level === "warn" && text.includes(words)).map(({ text }) => text);

/** Starts a job that holds `key` until the returned function is called. */
async function holdWithLabel({ locking }, key, label) {
  const [held, end] = [deferred(), deferred()];
  const job = locking.execute(
    key,
    async () => {
      held.resolve();
      await end.promise;
    },
    { label },
  );
  await held.promise;
  return () => {
    end.resolve();
    return job;
  };
}

test("a key that is waited for long is named once, with its holder in this process", OURS_ONLY, async () => {
  const booted = await bed.boot({ slowWaitMs: 200 });
  const release = await holdWithLabel(booted, "cart_1", "complete-cart");
  const waiters = [1, 2].map(() => booted.locking.execute("cart_1", async () => {}, { timeout: 30, label: "add-to-cart" }));
  const lines = () => linesAbout(booted, "has been waited for");
  await until("the log names it", () => lines().length > 0);
  await sleep(500);
  assert.equal(lines().length, 1, booted.logText);
  assert.match(
    lines()[0],
    /^\[locking .+\] Key "cart_1" has been waited for for .* s by 2 calls \("add-to-cart"\); it is held by this process, for .* \("complete-cart"/,
  );
  await release();
  await Promise.all(waiters);
});

test("the holder in another process is named with host, pid and label, and one that is gone with what Redis has", OURS_ONLY, async () => {
  const options = bed.options();
  const [alive, killed] = await Promise.all([
    startHolder({ options, key: "alive", label: "import of prices" }),
    startHolder({ options, key: "killed", label: "nobody knows" }),
  ]);
  const owner = await bed.owner(`${NS}killed`);
  killed.kill("SIGKILL");
  await once(killed, "close");
  const booted = await bed.boot({ slowWaitMs: 400 });
  const ended = new AbortController();
  const waits = ["alive", "killed"].map((key) =>
    booted.locking.execute(key, async () => {}, { timeout: 60, signal: ended.signal }).catch(() => {}),
  );
  await until("the log names both", () => linesAbout(booted, "has been waited for").length === 2);
  const [first] = linesAbout(booted, 'Key "alive"');
  assert.match(first, new RegExp(`held by process ${alive.pid} on ${os.hostname()}, for .* s \\("import of prices"\\)`));
  const [second] = linesAbout(booted, 'Key "killed"');
  assert.ok(second.includes(`held by "${owner}", of a process that does not answer; its lease ends in`), second);
  ended.abort();
  await Promise.all(waits);
  alive.send("end");
  await messageOf(alive);
});

test("a process whose lock another has now is not named as its holder", OURS_ONLY, async () => {
  const stop = await startHostileProcess(bed, { locks: [toldLock(`${NS}k`, "an earlier one", { label: "stale" })] });
  await bed.command("SET", `${NS}k`, "a later one", "PX", "60000");
  const booted = await bed.boot({ slowWaitMs: 100 });
  const ended = new AbortController();
  const wait = booted.locking.execute("k", async () => {}, { timeout: 60, signal: ended.signal }).catch(() => {});
  await until("the log names it", () => linesAbout(booted, "has been waited for").length === 1);
  assert.match(linesAbout(booted, "has been waited for")[0], /held by "a later one", of a process that does not answer/);
  ended.abort();
  await wait;
  stop();
});

test("a job that holds long is named once, with its label and keys", OURS_ONLY, async () => {
  const booted = await bed.boot({ slowHoldMs: 200 });
  const release = await holdWithLabel(booted, ["stock_1", "stock_2"], "reindex");
  const lines = () => linesAbout(booted, "has held");
  await until("the log names it", () => lines().length > 0);
  await sleep(500);
  assert.equal(lines().length, 1, booted.logText);
  assert.match(lines()[0], /A job "reindex" has held keys "stock_1", "stock_2" for .* s/);
  await release();
});

test("a quick wait, and one whose log line is switched off, is not named", OURS_ONLY, async () => {
  const booted = await bed.boot({ slowWaitMs: Number.POSITIVE_INFINITY, slowHoldMs: "Infinity" });
  const release = await holdWithLabel(booted, "k", "x");
  const waiter = booted.locking.execute("k", async () => {}, { timeout: 30 });
  await sleep(400);
  await release();
  await waiter;
  assert.deepEqual(linesAbout(booted, "option slow"), []);
});

test("a call that waited in vain is named once a minute for its key, with the holder in this process", OURS_ONLY, async () => {
  const booted = await bed.boot();
  const release = await holdWithLabel(booted, "cart_1", "complete-cart");
  const inVain = (key) => booted.locking.execute(key, async () => {}, { timeout: 1 }).catch(({ code }) => code);
  assert.deepEqual(await Promise.all(["cart_1", "cart_1"].map(inVain)), ["LOCK_TIMEOUT", "LOCK_TIMEOUT"]);
  assert.equal(await inVain("cart_1"), "LOCK_TIMEOUT");
  const lines = linesAbout(booted, "waited in vain");
  assert.equal(lines.length, 1, booted.logText);
  assert.match(
    lines[0],
    /waited in vain for key "cart_1" \(LOCK_TIMEOUT\)\. Key "cart_1" is held by this process.*"npx medusa-locking-redis show KEY" says/,
  );
  await release();
});

test("some of very many keys that are waited for in vain are named", OURS_ONLY, async () => {
  const booted = await bed.boot();
  for (let at = 0; at < 100; at += 1) await bed.command("SET", `${NS}k${at}`, "another", "PX", "60000");
  await Promise.all(
    Array.from({ length: 100 }, (_, at) => booted.locking.execute(`k${at}`, async () => {}, { timeout: 1 }).catch(() => {})),
  );
  assert.equal(linesAbout(booted, "waited in vain").length, 20);
});
