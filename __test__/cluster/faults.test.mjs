// A cluster in motion: masters die or step down, and slots move. Load runs throughout, and no two jobs of one key may run at once.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { requireInstalled } from "../../harness/installed.mjs";
import { RecordedLoad } from "../support/recorded-load.mjs";
import { NS, until } from "../support/testbed.mjs";
import { openClusterBed } from "./support.mjs";

const bed = openClusterBed({ nodeTimeoutMs: 1_000 });
const KEYS = ["a", "b", "c", "d", "e", "f"];

let boots;
let load;
beforeEach(async () => {
  boots = [await bed.boot({ cluster: { startupNodes: bed.cluster.startupNodes } }), await bed.boot()];
  load = new RecordedLoad(boots, { keys: KEYS, callers: 24 });
  await until("load runs", () => load.jobs > 200);
});

/** Ends the load after 200 more jobs, and asserts that nothing went wrong. */
async function endsWell() {
  const before = load.jobs;
  await until("load runs again", () => load.jobs > before + 200);
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.deepEqual(load.violations(), []);
  await until("no lock is left", async () => (await bed.locks()).length === 0);
}

test("slots that move to another master take their holders and waiters along", async () => {
  const long = boots[0].locking.execute("long", () => sleep(6_000, "held"), { expire: 2, timeout: 30 });
  const waiting = boots[1].locking.execute("long", async () => "waited", { timeout: 60 });
  for (const key of [...KEYS, "long"]) await bed.moveAway(key, () => sleep(300));
  assert.equal(await long, "held");
  assert.equal(await waiting, "waited");
  await endsWell();
});

test("a master that steps down for its replica", async () => {
  const replica = await bed.cluster.replicaOf(await bed.cluster.masterOf(`${NS}a`));
  await replica.cli("CLUSTER", "FAILOVER");
  await until("it is a master", async () => (await replica.cli("ROLE"))[0] === "master");
  await endsWell();
});

test("an operator finds the locks at the new master, and can free them", async () => {
  await load.stop();
  const { createLocks } = requireInstalled("medusa-locking-redis/client");
  const locks = createLocks({ cluster: { startupNodes: bed.cluster.startupNodes }, logger: {} });
  const lock = await locks.acquire("a", { waitMs: 30_000 });
  await until("it is listed", async () => (await locks.lock("a"))?.holderAnswers === true);
  const replica = await bed.cluster.replicaOf(await bed.cluster.masterOf(`${NS}a`));
  await replica.cli("CLUSTER", "FAILOVER");
  await until("it is a master", async () => (await replica.cli("ROLE"))[0] === "master");
  await until("the cluster is healthy", async () => (await locks.health()).ok);
  assert.equal((await locks.lock("a")).owner, lock.ownerId);
  assert.deepEqual(await locks.free("a", { by: "ada" }), ["a"]);
  await until("it is told", () => lock.signal.aborted);
  await locks.close();
});

test("releaseAll while slots move misses no lock", async () => {
  await load.stop();
  const names = Array.from({ length: 400 }, (_, at) => `k${at}`);
  for (const name of names) await boots[0].locking.acquire(name, { ownerId: "me" });
  const [from, to] = bed.cluster.masters;
  const slots = [];
  for (const name of names) {
    const slot = await bed.cluster.slotOf(`${NS}${name}`);
    if (slots.length < 30 && (await bed.cluster.masterOf(`${NS}${name}`)) === from) slots.push(slot);
  }
  const moves = (async () => {
    for (const slot of slots) await bed.cluster.moveSlot(slot, to);
  })();
  await boots[1].locking.releaseAll({ ownerId: "me" });
  await moves;
  // SCAN may have missed a lock that moved meanwhile. The next call finds it.
  await boots[1].locking.releaseAll({ ownerId: "me" });
  assert.deepEqual(await bed.locks(), []);
});

test("a master that is killed: its replica goes on, with every lock that had reached it", async () => {
  const long = boots[0].locking.execute("a", () => sleep(7_000, "held"), { expire: 8, timeout: 30 });
  await until("it is held", async () => (await bed.owner("a"))?.startsWith("execute:"));
  await bed.cluster.kill(await bed.cluster.masterOf(`${NS}b`));
  await bed.cluster.settled();
  assert.equal(await long, "held");
  await endsWell();
});
