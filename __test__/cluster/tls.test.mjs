// TLS on a cluster whose nodes also speak plain text. Clients that ask for TLS use it for every node, and for the connections that renew leases.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makeCertificates } from "../../harness/certificates.mjs";
import { NS, refused } from "../support/testbed.mjs";
import { openClusterBed, SPREAD } from "./support.mjs";

const certificates = await makeCertificates();
after(() => certificates.remove());
const bed = openClusterBed({ replicas: 0, tlsArgs: (port) => certificates.serverArgs(port) });
const redisOptions = { tls: { ca: certificates.pem("ca") } };

test("locks on all masters, their renewal, and the hand-over to another instance", async () => {
  const instances = [await bed.boot({ cluster: { redisOptions } }), await bed.boot({ redisOptions })];
  for (const { logText } of instances) assert.doesNotMatch(logText, /warn|error/);
  const order = [];
  const first = instances[0].locking.execute(
    SPREAD,
    async () => {
      order.push("first");
      await sleep(2_500);
      order.push("over");
    },
    { timeout: 30, expire: 1 },
  );
  await sleep(200);
  const masters = new Set();
  for (const key of SPREAD) masters.add(await bed.cluster.masterOf(`${NS}${key}`));
  assert.equal(masters.size, 3);
  const second = instances[1].locking.execute(SPREAD, async () => order.push("second"), { timeout: 30 });
  await Promise.all([first, second]);
  assert.deepEqual(order, ["first", "over", "second"]);
  assert.deepEqual(await bed.locks(), []);
});

test("a slot that moves to another master takes its holder and a waiter along", async () => {
  const instances = [await bed.boot({ cluster: { redisOptions } }), await bed.boot({ cluster: { redisOptions } })];
  await instances[0].locking.acquire("a", { ownerId: "me" });
  const waiting = instances[1].locking.execute("a", async () => "done", { timeout: 30 });
  await sleep(200);
  await bed.moveAway("a");
  assert.equal(await instances[0].locking.release("a", { ownerId: "me" }), true);
  assert.equal(await waiting, "done");
  assert.deepEqual(await bed.locks(), []);
});

test("an authority that is not trusted is told, and no lock is taken", async () => {
  const booted = await bed.boot({ cluster: { redisOptions: { tls: { ca: certificates.pem("otherCa") } } } });
  assert.match(booted.logText, /error: An error occurred while connecting to Redis/);
  await refused(
    booted.locking.execute("a", async () => assert.fail("ran"), { timeout: 1 }),
    { code: "REDIS_UNREACHABLE" },
  );
});
