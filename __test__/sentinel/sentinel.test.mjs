// The Sentinels name the master: how the provider finds it, and the errors if it does not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startFaultProxy } from "../../harness/fault-proxy.mjs";
import { freePort } from "../../harness/redis-servers.mjs";
import { openTlsBed } from "../reach/support.mjs";
import { NS, OURS_ONLY, openTestbed, refused, until } from "../support/testbed.mjs";
import { asking, FAILED, NOWHERE, openGroup, takesALockOnTheMaster } from "./support.mjs";

const SECRET = "a-secret-of-the-sentinels";

const bed = openTestbed();
const tls = await openTlsBed();
const group = await openGroup({ password: SECRET, tlsArgs: (port) => tls.certificates.serverArgs(port) });

/** Boots a provider that asks the group. */
function boot(redisOptions, options = {}) {
  return bed.boot({ ...asking(group, { sentinelPassword: SECRET, ...redisOptions }), ...options });
}

/** Asserts that the boot logged the reason why it found no master, without the password, and that a call fails with this reason. */
async function findsNoMaster(booted, reason) {
  const line = booted.logs.find(({ level, text }) => level === "error" && text.startsWith(FAILED));
  assert.ok(line, booted.logText);
  assert.match(line.text, reason);
  const error = await refused(
    booted.locking.execute("k", async () => assert.fail("ran"), { timeout: 1 }),
    { code: "REDIS_UNREACHABLE" },
  );
  assert.match(String(error.cause), reason);
  assert.ok(!booted.logText.includes("secret") && !JSON.stringify([error, error.cause]).includes("secret"));
}

test("the master is found, wherever the URL leads, and locks are held there", async () => {
  await takesALockOnTheMaster(await boot(), group);
});

test("the database of the URL is the master's", async () => {
  const { locking } = await boot({}, { redisUrl: `${NOWHERE}/3` });
  await locking.acquire("k", { ownerId: "me" });
  const master = await group.master();
  assert.match(await master.cli("INFO", "keyspace"), /^db3:keys=/m);
  await locking.release("k", { ownerId: "me" });
});

test("a lock is handed from one instance to the other", OURS_ONLY, async () => {
  const instances = [await boot(), await boot()];
  let inside = 0;
  const job = async () => {
    inside += 1;
    assert.equal(inside, 1);
    await sleep(2);
    inside -= 1;
    return "done";
  };
  const calls = Array.from({ length: 40 }, (_, at) => instances[at % 2].locking.execute("hot", job, { timeout: 30 }));
  assert.deepEqual(new Set(await Promise.all(calls)), new Set(["done"]));
});

test("a Sentinel that cannot be reached is passed over", async () => {
  const nobody = { host: "127.0.0.1", port: await freePort() };
  await takesALockOnTheMaster(await boot({ sentinels: [nobody, nobody, ...group.addresses.slice(2)] }), group);
});

test("an unknown name of the master is told", OURS_ONLY, async () => {
  await findsNoMaster(
    await boot({ name: "another" }),
    /All sentinels are unreachable.*Sentinel 127\.0\.0\.1:\d+.*no master named "another".*redisOptions\.name/,
  );
});

test("a wrong password at the Sentinels is told, and not repeated", OURS_ONLY, async () => {
  await findsNoMaster(await boot({ sentinelPassword: "wrong-secret" }), /WRONGPASS.*sentinelPassword/);
});

test("a password that the Sentinels ask for is never the master's", OURS_ONLY, async () => {
  await findsNoMaster(await boot({ sentinelPassword: undefined, password: SECRET }), /NOAUTH.*sentinelPassword/);
});

test("Sentinels that nobody reaches are told", OURS_ONLY, async () => {
  const port = await freePort();
  await findsNoMaster(
    await boot({ sentinels: [{ host: "127.0.0.1", port }] }),
    new RegExp(`Sentinel 127\\.0\\.0\\.1:${port}: connect ECONNREFUSED`),
  );
});

test("a Sentinel that says nothing is given up after sentinelCommandTimeout", OURS_ONLY, async () => {
  const [{ port }] = group.addresses;
  const proxy = await startFaultProxy({ targetPort: port });
  try {
    proxy.pauseReplies();
    const silent = { host: "127.0.0.1", port: proxy.port };
    const booted = await boot({ sentinels: [silent], sentinelCommandTimeout: 200, updateSentinels: false });
    await findsNoMaster(booted, /no answer within 200 ms/);
    await bed.closeBoots();
  } finally {
    await proxy.stop();
  }
});

test("natMap leads to where an address is reached from here", OURS_ONLY, async () => {
  const master = await group.master();
  const proxy = await startFaultProxy({ targetPort: master.port });
  try {
    const booted = await boot({ natMap: { [`127.0.0.1:${master.port}`]: { host: "localhost", port: proxy.port } } });
    const sent = proxy.rewriteReply({ match: `${NS}k`, reply: Buffer.from("-OOM command not allowed\r\n") });
    await refused(booted.locking.acquire("k", { ownerId: "me" }), { code: "REDIS_REFUSED" });
    await sent;
    await bed.closeBoots();
  } finally {
    await proxy.stop();
  }
});

test("a server that says that it is no master is not used", OURS_ONLY, async () => {
  const master = await group.master();
  const replica = group.servers.find((server) => server !== master);
  const natMap = { [`127.0.0.1:${master.port}`]: { host: "127.0.0.1", port: replica.port } };
  await findsNoMaster(await boot({ natMap }), /no master \(role:slave\)/);
});

test("sentinelRetryStrategy is asked for each pause, and can end all attempts", OURS_ONLY, async () => {
  const asked = [];
  const sentinels = [{ host: "127.0.0.1", port: await freePort() }];
  const sentinelRetryStrategy = (times) => {
    asked.push(times);
    return times < 3 ? 10 : null;
  };
  const { locking } = await boot({ sentinels, sentinelRetryStrategy, retryStrategy: () => assert.fail("asked") });
  const error = await refused(locking.acquire("k", { ownerId: "me" }), { code: "REDIS_UNREACHABLE", message: "Connection is closed." });
  assert.match(String(error.cause), /All sentinels are unreachable/);
  assert.deepEqual(asked, [1, 2, 3]);
});

test("the Sentinels speak TLS, the master does not", OURS_ONLY, async () => {
  const sentinelTLS = { ca: tls.certificates.pem("ca") };
  const booted = await boot({ sentinels: group.tlsAddresses, sentinelTLS });
  await takesALockOnTheMaster(booted, group);
  assert.equal(booted.logs.filter(({ level }) => level === "warn").length, 0, booted.logText);
  const stranger = { ca: tls.certificates.pem("otherCa") };
  await findsNoMaster(
    await boot({ sentinels: group.tlsAddresses, sentinelTLS: stranger, updateSentinels: false }),
    /signed by nobody.*sentinelTLS\.ca/,
  );
});

test("rediss:// means nothing for the master, and is warned of, until enableTLSForSentinelMode says so", OURS_ONLY, async () => {
  const rediss = { redisUrl: "rediss://127.0.0.1:1" };
  const booted = await boot({}, rediss);
  await takesALockOnTheMaster(booted, group);
  assert.match(booted.logText, /warn: \[locking [^\]]+\] TLS is asked for and NOT USED.*enableTLSForSentinelMode/);
  const strict = await boot({ enableTLSForSentinelMode: true, connectTimeout: 300 }, rediss);
  assert.ok(!strict.logText.includes("NOT USED"));
  await findsNoMaster(strict, /TLS with 127\.0\.0\.1:\d+ failed/);
});

test("with enableTLSForSentinelMode the master is spoken to with TLS, its certificate looked at", OURS_ONLY, async () => {
  const { port } = await group.master();
  const natMap = { [`127.0.0.1:${port}`]: { host: "localhost", port: group.masterTlsPort } };
  const secure = (ca) => boot({ natMap, enableTLSForSentinelMode: true, tls: { ca: tls.certificates.pem(ca) } });
  const booted = await secure("ca");
  await takesALockOnTheMaster(booted, group);
  assert.equal(booted.logs.filter(({ level }) => level === "warn").length, 0, booted.logText);
  await findsNoMaster(await secure("otherCa"), /signed by nobody/);
});

test("a shut-down provider listens to no Sentinel", OURS_ONLY, async () => {
  const booted = await boot({ failoverDetector: true, sentinelMaxConnections: 2 });
  await until("it listens to as many as it may", async () => (await group.listeners()) === 2);
  await booted.shutdown();
  await until("it listens no more", async () => (await group.listeners()) === 0);
});
