// Waits and jobs that take long are named in the log, once each, with who is behind them.

import assert from "node:assert/strict";
import { once } from "node:events";
import os from "node:os";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startHolder } from "../census/support.mjs";
import { messageOf } from "../support/children.mjs";
import { deferred, NS, OURS_ONLY, openTestbed, until } from "../support/testbed.mjs";

const bed = openTestbed();

const linesAbout = (booted, words) =>
  booted.logs.filter(({ level, text }) => level === "warn" && text.includes(words)).map(({ text }) => text);

/** A job that holds `key` until its end is asked for. */
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

test("what is quick, and what is switched off, is not named", OURS_ONLY, async () => {
  const booted = await bed.boot({ slowWaitMs: Number.POSITIVE_INFINITY, slowHoldMs: "Infinity" });
  const release = await holdWithLabel(booted, "k", "x");
  const waiter = booted.locking.execute("k", async () => {}, { timeout: 30 });
  await sleep(400);
  await release();
  await waiter;
  assert.deepEqual(linesAbout(booted, "option slow"), []);
});
