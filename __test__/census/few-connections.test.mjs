// A server without room for the connection on which a process listens for operators' questions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { requireInstalled } from "../../harness/installed.mjs";
import { OURS_ONLY, openTestbed, until } from "../support/testbed.mjs";

const { createLocks } = requireInstalled("medusa-locking-redis/client");
const bed = openTestbed();

async function connections() {
  return (await bed.command("CLIENT", "LIST")).trim().split("\n").length;
}

test("where there is room for two connections only, leases are renewed all the same", OURS_ONLY, async () => {
  // The observer needs one connection, too.
  await bed.command("CONFIG", "SET", "maxclients", 3);
  const locks = createLocks({ url: bed.url, logger: {} });
  await locks.ready();
  const lock = await locks.acquire("x", { leaseMs: 1_000 });
  // Several times as long as the lease.
  await sleep(3_500);
  assert.equal(lock.signal.aborted, false);
  lock.assertHeld();
  await lock.release();
  await locks.close();
  await bed.command("CONFIG", "SET", "maxclients", 10_000);
});

test("a renewal that finds no room any more gets that of the questions", OURS_ONLY, async () => {
  const locks = createLocks({ url: bed.url, logger: {} });
  await locks.ready();
  const lock = await locks.acquire("x", { leaseMs: 3_000 });
  await until("all three connections are there", async () => (await connections()) === 4);
  await bed.command("CONFIG", "SET", "maxclients", 3);
  const list = (await bed.command("CLIENT", "LIST")).trim().split("\n");
  const ofRenewal = list.find((line) => / sub=0 /.test(line) && /cmd=(evalsha|client\|setname)/.test(line));
  await bed.command("CLIENT", "KILL", "ID", / ?id=(\d+)/.exec(ofRenewal)[1]);
  await sleep(7_000);
  lock.assertHeld();
  await lock.release();
  await locks.close();
  await bed.command("CONFIG", "SET", "maxclients", 10_000);
});
