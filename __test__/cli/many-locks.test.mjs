// The number of looks at each lock if a process holds many locks. The answers of the process are made up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { compiled } from "./support.mjs";

const { listOfLocks } = compiled("inspect/locks.js");

const COUNT = 2_000;

/** Facts about the lock `at`. They count how often their key is read. */
function counted(at, more, count) {
  return Object.defineProperty(more, "key", {
    get() {
      count.reads += 1;
      return `medusa_lock:k${at}`;
    },
  });
}

test("each hold and each wait that a process tells of is looked at a few times, however many locks there are", () => {
  const count = { reads: 0 };
  const numbers = Array.from({ length: COUNT }, (_, at) => at);
  const owner = (at) => `cart_${at}`;
  const process = { id: "0123456789ab", host: "web-1", pid: 812, mode: "hand-off", stuckMs: null };
  const locks = numbers.map((at) => counted(at, { owner: owner(at), token: at, label: `job ${at}`, heldMs: 1, state: "held" }, count));
  const waits = numbers.map((at) => counted(at, { count: 1, longestMs: at, labels: [] }, count));
  const answers = [{ process, locks, waits, complete: true }];
  const stored = numbers.map((at) => ({
    key: `medusa_lock:k${at}`,
    owner: owner(at),
    leftMs: 1,
    record: null,
    mark: process.id,
    token: at,
    queue: [],
    polled: false,
  }));
  const { locks: told } = listOfLocks(stored, { reached: 1, answers, unasked: null }, "medusa_lock:", false);
  assert.equal(told.length, COUNT);
  for (const { key, label, holder, waiters } of told) {
    assert.deepEqual([`job ${key.slice(1)}`, 812, 1, Number(key.slice(1))], [label, holder.pid, waiters.count, waiters.longestMs]);
  }
  assert.ok(count.reads <= 10 * COUNT, `${count.reads} reads for ${COUNT} locks`);
});
