// The option `cluster`: the settings that count, and those that are refused, each with its error.

import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort, startServer } from "../../harness/redis-servers.mjs";
import { refused } from "../support/testbed.mjs";
import { openClusterBed } from "./support.mjs";

const SECRET = "do-not-show-me";
const bed = openClusterBed({ replicas: 0, args: ["--requirepass", SECRET, "--masterauth", SECRET] });

const withPassword = { redisOptions: { password: SECRET } };

async function takesALock({ locking }) {
  await locking.acquire("k", { ownerId: "me" });
  assert.equal(await bed.owner("k"), "me");
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
}

test("start nodes as objects, URLs and ports, with the password in any of the usual places", async () => {
  const [{ port }] = bed.cluster.nodes;
  await takesALock(await bed.boot({ cluster: withPassword }));
  await takesALock(await bed.boot({ redisOptions: { password: SECRET } }));
  await takesALock(await bed.boot({ cluster: { startupNodes: [`redis://:${SECRET}@127.0.0.1:${port}`] } }));
  await takesALock(await bed.boot({ cluster: { startupNodes: [port], ...withPassword } }));
  await takesALock(await bed.boot({ redisUrl: `redis://:${SECRET}@127.0.0.1:${port}`, cluster: {} }));
});

test("the log says that the query of a start node's URL is ignored", async () => {
  const [{ port }] = bed.cluster.nodes;
  const booted = await bed.boot({ cluster: { startupNodes: [`redis://:${SECRET}@127.0.0.1:${port}?keyPrefix=shop:`] } });
  assert.match(booted.logText, /^warn: .*The query of cluster\.startupNodes\[0\] is ignored/m);
  await takesALock(booted);
});

test("a start node that is not there is passed over", async () => {
  const startupNodes = [{ host: "127.0.0.1", port: await freePort() }, ...bed.cluster.startupNodes];
  await takesALock(await bed.boot({ cluster: { startupNodes, ...withPassword } }));
});

test("natMap: nodes that name addresses which cannot be reached from here", async () => {
  const proxies = Object.fromEntries(bed.cluster.nodes.map(({ port }) => [`127.0.0.1:${port}`, { host: "localhost", port }]));
  await takesALock(await bed.boot({ cluster: { ...withPassword, natMap: proxies } }));
});

test("keyPrefix of the cluster's options", async () => {
  const { locking } = await bed.boot({ cluster: { ...withPassword, keyPrefix: "shop:" } });
  await locking.acquire("k", { ownerId: "me" });
  assert.deepEqual(await bed.locks(), ["shop:medusa_lock:k"]);
  await locking.releaseAll();
  assert.deepEqual(await bed.locks(), []);
});

test("a wrong password is told without the password", async () => {
  const booted = await bed.boot({ cluster: { redisOptions: { password: "not-the-right-one" } } });
  assert.match(booted.logText, /error: An error occurred while connecting to Redis/);
  const error = await refused(
    booted.locking.execute("k", async () => assert.fail("ran"), { timeout: 1 }),
    { code: "REDIS_UNREACHABLE" },
  );
  assert.match(String(error.cause), /WRONGPASS|invalid username-password|password/i);
  assert.doesNotMatch(`${error.stack}${error.cause}${booted.logText}`, /not-the-right-one/);
});

test("a server that is no node of a cluster", async () => {
  const server = await startServer();
  try {
    const booted = await bed.boot({ cluster: { startupNodes: [{ port: server.port }] } });
    assert.match(booted.logText, /cluster support disabled/);
  } finally {
    await server.stop();
  }
});

test("no node at all: calls end at their limit, and say why", async () => {
  const { locking } = await bed.boot({ cluster: { startupNodes: [{ port: await freePort() }] } });
  const error = await refused(
    locking.execute("k", async () => assert.fail("ran"), { timeout: 1 }),
    { code: "REDIS_UNREACHABLE" },
  );
  assert.match(String(error.cause), /no node of the cluster could say .*ECONNREFUSED/);
});

test("clusterRetryStrategy is asked, and ends the attempts with null", async () => {
  const asked = [];
  const clusterRetryStrategy = (times) => {
    asked.push(times);
    return times < 3 ? 10 : null;
  };
  const { locking } = await bed.boot({ cluster: { startupNodes: [{ port: await freePort() }], clusterRetryStrategy } });
  await refused(locking.acquire("k", { ownerId: "me" }), { code: "REDIS_UNREACHABLE", message: "Connection is closed." });
  assert.deepEqual(asked, [1, 2, 3]);
});

test("options that cannot be used stop the boot", async () => {
  const cases = [
    [{ startupNodes: [] }, /"cluster.startupNodes" .* must be an array of at least one node/],
    [{ startupNodes: [{ port: "x" }] }, /"cluster.startupNodes\[0\].port" /],
    [{ startupNodes: ["redis://a:1/3"] }, /database number; a cluster has neither/],
    [{ startupNodes: ["unix:///run/redis.sock"] }, /Unix socket; a cluster has neither/],
    [{ startupNodes: [`redis://:${SECRET}@a:1`, "redis://:other@b:2"] }, /nodes whose password differ/],
    [{ redisOptions: { sentinels: [{}] } }, /"redisOptions.sentinels" .* together with cluster/],
    [{ redisOptions: { db: 2 } }, /"redisOptions.db" .* must be 0/],
    [{ natMap: () => null }, /"cluster.natMap" .* functions are not supported, pass an object/],
    [{ useSRVRecords: true }, /"cluster.useSRVRecords" .* not supported/],
    [{ maxRedirections: -1 }, /"cluster.maxRedirections" /],
  ];
  for (const [cluster, message] of cases) {
    await assert.rejects(bed.boot({ cluster }), (error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, new RegExp(SECRET));
      return true;
    });
  }
});

test("options without a use here are warned of", async () => {
  const { logText } = await bed.boot({ cluster: { ...withPassword, scaleReads: "all", dnsLookup: () => {}, nonsense: 1 } });
  for (const name of ["scaleReads", "dnsLookup", "nonsense"]) assert.match(logText, new RegExp(`warn: .*cluster.${name} `));
});
