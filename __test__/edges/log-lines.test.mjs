// A log line is one line of limited length, whatever is in keys, labels and the answers of other processes. Errors show keys unchanged.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requireInstalled } from "../../harness/installed.mjs";
import { COMMANDS, startHostileProcess, toldLock } from "../support/hostile-process.mjs";
import { deferred, NS, OURS_ONLY, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();
const LONG = "x".repeat(50_000);
const KEY = `a${COMMANDS}b`;

function assertLines(texts) {
  for (const text of texts) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for these characters.
    assert.doesNotMatch(text, /[\u0000-\u001f\u202e]/);
    assert.ok(text.length < 10_000, `${text.length} characters: ${text.slice(0, 500)}`);
  }
}

const linesOf = ({ logs }) => logs.map(({ text }) => text);

test("a key and a label with commands and ends of lines forge no line, and errors have the key as it is", OURS_ONLY, async () => {
  const booted = await bed.boot({ slowHoldMs: 100, slowWaitMs: 100 });
  const [held, end] = [deferred(), deferred()];
  const job = booted.locking.execute(
    [KEY, LONG],
    async () => {
      held.resolve();
      await end.promise;
    },
    { label: `${COMMANDS}${LONG}`, expire: 1 },
  );
  await held.promise;
  const wait = booted.locking.execute(KEY, async () => {}, { timeout: 1, label: COMMANDS });
  const { keys } = await refused(wait, { code: "LOCK_TIMEOUT", message: "Timed-out acquiring lock." });
  assert.deepEqual(keys, [KEY]);
  await until("the slow job and the slow wait are told", () =>
    /has held.*has been waited for|has been waited for.*has held/s.test(booted.logText),
  );
  await bed.command("DEL", `${NS}${KEY}`, `${NS}${LONG}`);
  await until("the loss is told", () => booted.logText.includes("Lost the lock"));
  end.resolve();
  const lost = await refused(job, { code: "LOCK_LOST" });
  assert.ok(lost.message.includes(`"${KEY}"`), lost.message.slice(0, 300));
  for (const words of ["waited in vain", "has held", "has been waited for", "Lost the lock"]) {
    const line = linesOf(booted).find((text) => text.includes(words));
    assert.ok(line?.includes("a\\u001b[2J"), `${words}: ${line?.slice(0, 300)}`);
  }
  assertLines(linesOf(booted));
});

test("the jobs that a shutdown leaves behind are named in one line", OURS_ONLY, async () => {
  const booted = await bed.boot({ drainTimeoutMs: 0 });
  const [held, end] = [deferred(), deferred()];
  const job = booted.locking.execute([KEY, LONG], async () => {
    held.resolve();
    await end.promise;
  });
  await held.promise;
  await booted.shutdown();
  end.resolve();
  await refused(job, { code: "LOCK_LOST" });
  assert.match(booted.logText, /shut down while jobs hold keys? .*a\\u001b\[2J/);
  assertLines(linesOf(booted));
});

test("the answer of another process forges no line and has no megabyte in it", OURS_ONLY, async () => {
  const stop = await startHostileProcess(bed, {
    process: { host: `${COMMANDS}${LONG}` },
    locks: [toldLock(`${NS}k`, "another", { label: `${COMMANDS}${LONG}` })],
  });
  await bed.command("SET", `${NS}k`, "another", "PX", "60000");
  const booted = await bed.boot({ slowWaitMs: 100 });
  const ended = new AbortController();
  const wait = booted.locking.execute("k", async () => {}, { timeout: 60, signal: ended.signal }).catch(() => {});
  await until("the log names it", () => booted.logText.includes("has been waited for"));
  assert.match(booted.logText, /held by process 7 on \\u001b\[2J.*\(option slowWaitMs\)\.$/m);
  assertLines(linesOf(booted));
  ended.abort();
  await wait;
  stop();
});

test("an owner in Redis forges no line in the log of a client without Medusa", OURS_ONLY, async () => {
  const { createLocks } = requireInstalled("medusa-locking-redis/client");
  const lines = [];
  const add = (text) => void lines.push(text);
  const locks = createLocks({
    ...bed.options(),
    url: bed.url,
    redisUrl: undefined,
    slowWaitMs: 100,
    logger: { info: add, warn: add, error: add },
  });
  await bed.command("SET", `${NS}k`, `${COMMANDS}${LONG}`, "PX", "60000");
  const ended = new AbortController();
  const wait = locks.acquire("k", { waitMs: 60_000, signal: ended.signal }).catch(() => {});
  await until("the log names it", () => lines.some((line) => line.includes("has been waited for")));
  assert.ok(lines.some((line) => line.includes('held by "\\u001b[2J')));
  assertLines(lines);
  ended.abort();
  await wait;
  await locks.close();
});
