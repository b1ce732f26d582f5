// A process may report a lock that another process has released since. The report counts only for the hold that stands in Redis.

import assert from "node:assert/strict";
import { test } from "node:test";
import { OFFICIAL } from "../../harness/installed.mjs";
import { openTestbed, until } from "../support/testbed.mjs";
import { cli, cliJson, compiled, startInstance } from "./support.mjs";

const { listOfLocks } = compiled("inspect/locks.js");

const bed = openTestbed();
const url = () => ["--url", bed.url];

/** The output of `show` for a lock, once the process has answered. */
async function shownOf(key) {
  await until("a process answers", async () => (await cliJson(["list", ...url()])).json.processes > 0);
  return (await cliJson(["show", key, ...url()])).json;
}

test("a lock without an owner's name that another process released is not said to be its first holder's, and can be released", async () => {
  const [first, official] = await Promise.all([startInstance(bed), startInstance(bed, { resolve: OFFICIAL })]);
  await first.acquire("k", { expire: 60 });
  assert.equal((await shownOf("k")).holder.pid, first.pid);
  const { locking } = await bed.boot();
  await locking.release("k", {});
  await official.acquire("k", { expire: 60 });
  const lock = await shownOf("k");
  assert.deepEqual([lock.owner, lock.holder, lock.token, lock.label, lock.state], ["*", null, null, null, null]);
  const { code, stdout, stderr } = await cli(["release", "k", "--yes", ...url()]);
  assert.deepEqual([code, stderr], [0, ""], stdout);
});

/** The label and the token that are shown for the lock `k` in Redis, after one process (mark `aaaaaaaaaaaa`) reported `told` about it. */
function judged(stored, told) {
  const process = { id: "aaaaaaaaaaaa", host: "web-1", pid: 812, mode: "hand-off", stuckMs: null };
  const lock = { key: "k", owner: "*", leftMs: 1_000, record: null, mark: null, token: null, queue: [], polled: false, ...stored };
  const facts = { key: "k", owner: "*", token: null, label: "told", heldMs: 1, leaseMs: null, leftMs: null, state: "held", ...told };
  const fleet = { reached: 1, answers: [{ process, locks: [facts], waits: [], complete: true }], unasked: null };
  const [status] = listOfLocks([lock], fleet, "", false).locks;
  return [status.label, status.token];
}

test("a process' answer about an owner by name counts with the token or the mark that Redis has, and gives no token", () => {
  const record = "bbbbbbbbbbbb000000000001:7:1";
  for (const owner of ["*", "cart_1"]) {
    const inRedis = { owner, record, mark: "bbbbbbbbbbbb", token: 7 };
    assert.deepEqual(judged(inRedis, { owner, token: 7 }), ["told", 7]);
    assert.deepEqual(judged(inRedis, { owner, token: 6 }), [null, 7]);
    assert.deepEqual(judged(inRedis, { owner, token: null }), [null, 7]);
    assert.deepEqual(judged({ ...inRedis, mark: "aaaaaaaaaaaa" }, { owner, token: 6 }), ["told", 7]);
    assert.deepEqual(judged({ owner }, { owner, token: 6 }), ["told", null]);
    assert.deepEqual(judged({ owner }, { owner, token: 6, state: "unwatched" }), [null, null]);
    assert.deepEqual(judged({ owner }, { owner, token: 6, state: null }), [null, null]);
  }
});

test("an owner of one hold is enough, and its token is known to its process alone", () => {
  const owner = "execute:777589bc-26b7-8402-a5ad-4f0000000002";
  assert.deepEqual(judged({ owner }, { owner, token: 6 }), ["told", 6]);
  assert.deepEqual(judged({ owner }, { owner: "execute:777589bc-26b7-8402-a5ad-4f0000000003", token: 6 }), [null, null]);
});
