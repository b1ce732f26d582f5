// The doctor on servers on which locks do not keep their promises.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { startFaultProxy } from "../../harness/fault-proxy.mjs";
import { INSTALLED } from "../../harness/installed.mjs";
import { startServer } from "../../harness/redis-servers.mjs";
import { startRestrictiveProxy } from "../../harness/restrictive-proxy.mjs";
import { startOneAddress } from "../support/one-address.mjs";
import { until } from "../support/testbed.mjs";
import { cli, cliJson, doctor } from "./support.mjs";

const stops = [];
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-cli-"));
fs.symlinkSync(path.join(INSTALLED, "node_modules"), path.join(folder, "node_modules"));
after(async () => {
  for (const stop of stops.reverse()) await stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function server(options) {
  const started = await startServer(options);
  stops.push(() => started.stop());
  return started;
}

const saving = await server({ args: ["--appendonly", "yes"] });

/** Runs the doctor with options that only a configuration can contain. */
function configured(options) {
  const file = path.join(folder, `config-${Math.random().toString(36).slice(2)}.js`);
  const entry = { resolve: "medusa-locking-redis", id: "locking-redis", options };
  const modules = { locking: { resolve: "@medusajs/medusa/locking", options: { providers: [entry] } } };
  fs.writeFileSync(file, `module.exports = ${JSON.stringify({ modules })}`);
  return doctor(["--config", file]);
}

/** Runs the doctor behind a proxy to which `change` was applied. */
async function proxied(change) {
  const proxy = await startFaultProxy({ targetPort: saving.port });
  stops.push(() => proxy.stop());
  change(proxy);
  return await doctor(["--url", `redis://127.0.0.1:${proxy.port}`]);
}

/** Returns a change for `proxied`: all replies have `to` in place of `from`, a text of the same length. */
function rewrites(from, to) {
  assert.equal(from.length, to.length);
  return (proxy) => proxy.rewriteReplies((reply) => Buffer.from(reply.toString("latin1").replaceAll(from, to), "latin1"));
}

test("a server that is well", async () => {
  const { code, ids, find } = await doctor(["--url", saving.url]);
  assert.deepEqual([code, ids], [0, ["instances-none"]]);
  assert.match(find("server").text, /^(Redis|Valkey) \d+\.\d+\.\d+, standalone, role master\.$/);
  assert.match(find("mode-hand-off").text, /^An instance would wait in mode hand-off:/);
  assert.match(find("locks").text, /^0 locks in the namespace "medusa_lock:"\.$/);
});

test("a server that saves nothing", async () => {
  const { code, ids, find } = await doctor(["--url", (await server()).url]);
  assert.deepEqual([code, ids], [1, ["instances-none", "server-not-persistent"]]);
  assert.match(find("server-not-persistent").text, /after its restart all locks are free/);
});

test("with --fail-on problem a warning does not end it with 1, and a problem does", async () => {
  const { url } = await server();
  for (const [level, code] of [
    ["problem", 0],
    ["warning", 1],
  ]) {
    const found = await doctor(["--url", url, "--fail-on", level]);
    assert.deepEqual([found.code, found.ids], [code, ["instances-none", "server-not-persistent"]]);
  }
  const replica = await server({ args: ["--appendonly", "yes", "--replicaof", "127.0.0.1", String(saving.port)] });
  await until("the replica follows", async () => (await replica.cli("INFO", "replication")).includes("master_link_status:up"));
  assert.equal((await doctor(["--url", replica.url, "--fail-on", "problem"])).code, 1);
  const { stdout } = await cli(["doctor", "--help"]);
  assert.match(stdout, /^ {2}--fail-on LEVEL {2}/m);
});

test("snapshots are persistence, too", async () => {
  const { ids } = await doctor(["--url", (await server({ args: ["--save", "900 1"] })).url]);
  assert.deepEqual(ids, ["instances-none"]);
});

test("an eviction policy that may delete locks", async () => {
  for (const policy of ["allkeys-lru", "volatile-ttl"]) {
    const evicting = await server({ args: ["--appendonly", "yes", "--maxmemory", "100mb", "--maxmemory-policy", policy] });
    const { code, ids, find } = await doctor(["--url", evicting.url]);
    assert.deepEqual([code, ids], [1, ["instances-none", "server-evicts"]]);
    assert.match(find("server-evicts").text, new RegExp(`more than 100\\.00M .*maxmemory-policy ${policy}`));
  }
  const roomy = await server({ args: ["--appendonly", "yes", "--maxmemory", "100mb", "--maxmemory-policy", "noeviction"] });
  assert.deepEqual((await doctor(["--url", roomy.url])).ids, ["instances-none"]);
});

test("a replica", async () => {
  const replica = await server({ args: ["--appendonly", "yes", "--replicaof", "127.0.0.1", String(saving.port)] });
  await until("the replica follows", async () => (await replica.cli("INFO", "replication")).includes("master_link_status:up"));
  const { code, ids, find } = await doctor(["--url", replica.url]);
  assert.equal(code, 1);
  assert.ok(ids.includes("server-replica"));
  assert.ok(!ids.some((id) => id.startsWith("right-")), ids.join());
  assert.match(find("server-replica").text, new RegExp(`is a replica of 127\\.0\\.0\\.1:${saving.port}: it takes no locks`));
  assert.match(find("server-replica").advice, /Connect to the master/);
});

test("a node of a cluster without the option cluster", async () => {
  const node = await startOneAddress({ hidden: false });
  stops.push(() => node.stop());
  const { code, ids } = await doctor(["--url", node.url]);
  assert.equal(code, 1);
  assert.ok(ids.includes("cluster-not-named") && ids.includes("mode-polling"), ids.join());
});

test("a cluster behind one address, which does not say that it is one", async () => {
  const node = await startOneAddress({ hidden: true });
  stops.push(() => node.stop());
  const { ids, find } = await doctor(["--url", node.url]);
  assert.ok(ids.includes("cluster-one-address"), ids.join());
  assert.equal(find("mode-hand-off").level, "ok");
});

test("a clock that is off, in either direction", async () => {
  for (const [offS, text] of [
    [3_600, /is 3[56]\d\d\.\d s ahead of this machine's/],
    [-90, /is 9\d\.\d s behind this machine's/],
  ]) {
    const seconds = String(Math.floor(Date.now() / 1_000) + offS);
    const reply = Buffer.from(`*2\r\n$${seconds.length}\r\n${seconds}\r\n$1\r\n0\r\n`);
    const { ids, find } = await proxied((proxy) => proxy.answerAlways({ match: ([name]) => name.toUpperCase() === "TIME", reply }));
    assert.deepEqual(ids, ["instances-none", "server-clock"]);
    assert.match(find("server-clock").text, text);
  }
});

test("a server that is older than 6.2", async () => {
  const version = /redis_version:(\S+)/.exec(await saving.cli("INFO", "server"))[1];
  const old = "6.0.9".padEnd(version.length, "0").slice(0, version.length);
  const { code, find } = await proxied(rewrites(`redis_version:${version}`, `redis_version:${old}`));
  assert.equal(code, 1);
  assert.match(find("server-old").text, /^Redis 6\.0\.\d+ is older than 6\.2: .*without fencing tokens/);
  assert.match(find("mode-plain").text, /older than 6\.2/);
});

test("a server that is 6.2", async () => {
  const { ids } = await doctor(["--url", (await server({ version: "6.2", args: ["--appendonly", "yes"] })).url]);
  assert.deepEqual(ids, ["instances-none"]);
});

test("fewer replicas than safety asks for, and enough", async () => {
  const master = await server({ args: ["--appendonly", "yes", "--repl-diskless-sync-delay", "0"] });
  const safety = { replicas: 1 };
  const { code, find } = await configured({ redisUrl: master.url, safety });
  assert.equal(code, 1);
  assert.match(find("replicas-too-few").text, /safety\.replicas is 1, and the master has 0 online: calls fail with LOCK_NOT_REPLICATED/);
  await server({ args: ["--replicaof", "127.0.0.1", String(master.port)] });
  await until("the replica is online", async () => (await master.cli("INFO", "replication")).includes("state=online"));
  assert.deepEqual((await configured({ redisUrl: master.url, safety })).ids, ["instances-none"]);
});

test("safety where WAIT is refused", async () => {
  const proxy = await startRestrictiveProxy({ targetPort: saving.port, refuses: ["WAIT"] });
  stops.push(() => proxy.stop());
  const { code, find } = await configured({ redisUrl: `redis://127.0.0.1:${proxy.port}`, safety: { replicas: 1 } });
  assert.equal(code, 1);
  assert.match(find("right-wait").text, /safety needs WAIT, and Redis refuses WAIT \(/);
});

test("the option protocol that says RESP2", async () => {
  const { code, ids, find } = await configured({ redisUrl: saving.url, redisOptions: { protocol: 2 } });
  assert.deepEqual([code, ids], [1, ["instances-none", "mode-polling", "resp2-only"]]);
  assert.match(find("resp2-only").text, /redisOptions\.protocol is 2/);
});

test("a configuration whose provider has no options is read as Medusa does it: the module's count", async () => {
  const file = path.join(folder, "config-of-module.js");
  const module = { redisUrl: saving.url, namespace: "module:", providers: [{ resolve: "medusa-locking-redis", id: "locking-redis" }] };
  fs.writeFileSync(file, `module.exports = { modules: [{ resolve: "@medusajs/medusa/locking", options: ${JSON.stringify(module)} }] };`);
  await saving.cli("SET", "module:k", "ada", "PX", "60000");
  const { code, json } = await cliJson(["list", "--config", file]);
  assert.equal(code, 0);
  assert.deepEqual(
    json.locks.map(({ key }) => key),
    ["k"],
  );
  await saving.cli("DEL", "module:k");
});

test("the doctor leaves a lock alone whatever its key is", async () => {
  for (const key of ["{shop}:doctor", "medusa_lock:{doctor}", "medusa_lock:{doctor-0}"]) await saving.cli("SET", key, "ada", "PX", "60000");
  await doctor(["--url", saving.url, "--namespace", "{shop}:"]);
  await doctor(["--url", saving.url]);
  for (const key of ["{shop}:doctor", "medusa_lock:{doctor}", "medusa_lock:{doctor-0}"]) {
    assert.ok(Number(await saving.cli("PTTL", key)) > 1_000, key);
    await saving.cli("DEL", key);
  }
});

test("a configuration is read in its own folder, and the program of run begins in the one that run began in", async () => {
  const file = path.join(folder, "where.js");
  const options = `{ redisUrl: require("node:fs").readFileSync("url.txt", "utf8") }`;
  const entry = `{ resolve: "medusa-locking-redis", id: "locking-redis", options: ${options} }`;
  fs.writeFileSync(file, `module.exports = { modules: { locking: { options: { providers: [${entry}] } } } }`);
  fs.writeFileSync(path.join(folder, "url.txt"), saving.url);
  const { code, stdout } = await cli(["run", "--config", file, "--lock", "k", "--", process.execPath, "-p", "process.cwd()"]);
  assert.deepEqual([code, stdout], [0, `${fs.realpathSync(INSTALLED)}\n`]);
});

test("the warnings of the provider's own parser", async () => {
  const { code, ids, find } = await configured({ redisUrl: saving.url, waitLockingTimeOut: 5 });
  assert.deepEqual([code, ids], [0, ["instances-none", "option"]]);
  assert.match(find("option").text, /"waitLockingTimeOut".* is not known/);
});
