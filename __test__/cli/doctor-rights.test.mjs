// The doctor with users who may not do everything. Each right is missing once, by ACL and by a proxy.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startRestrictiveProxy } from "../../harness/restrictive-proxy.mjs";
import { grant, LEAST } from "../../harness/rights.mjs";
import { openTestbed } from "../support/testbed.mjs";
import { cli, cliJson, complainedOnce, doctor } from "./support.mjs";

const bed = openTestbed({ args: ["--appendonly", "yes"] });
const ALL = [...LEAST, "+script", "+ping"];
let users = 0;

/** The ACL rule for a right that the doctor missed. */
const ruleOf = (right) => (/^[~&]/.test(right) ? right : `+${right.toLowerCase()}`);

/** Runs the doctor as a user with all rights except these. */
async function without(...missing) {
  users += 1;
  const gone = new Set(missing.map(ruleOf));
  await grant(
    bed,
    `user${users}`,
    ALL.filter((right) => !gone.has(right)),
  );
  const found = await doctor(["--url", `redis://user${users}:pw@127.0.0.1:${bed.server.port}`]);
  // The doctor's tries left nothing behind.
  assert.deepEqual(await bed.contents(), []);
  return found;
}

test("a user with the rights of the README has them all", async () => {
  const { code, ids, find } = await without();
  assert.deepEqual([code, ids], [0, ["instances-none"]]);
  assert.equal(find("rights").level, "ok");
  assert.equal(find("mode-hand-off").level, "ok");
});

test("without PING the doctor does its work all the same", async () => {
  assert.deepEqual((await without("PING")).ids, ["instances-none"]);
});

for (const name of ["SET", "GET", "DEL", "PTTL", "PEXPIRE", "~medusa_lock:*"]) {
  test(`without ${name} no lock can be kept`, async () => {
    const { code, find } = await without(name);
    assert.equal(code, 1);
    const { level, text } = find("right-locks");
    assert.equal(level, "problem");
    assert.match(text, name.startsWith("~") ? /may not use the keys ~medusa_lock:\*/ : new RegExp(`may not use ${name} for locks`));
    assert.ok(text.endsWith(`Missing in its ACL: ${ruleOf(name)}`), text);
  });
}

test("without EVAL no lock can be kept", async () => {
  const { code, find } = await without("EVAL");
  assert.equal(code, 1);
  assert.match(find("right-locks").text, /may not use EVAL/);
});

for (const name of ["MGET", "EXISTS", "INCRBY", "PERSIST", "TIME", "ZADD", "ZPOPMIN", "ZRANGE", "ZREM", "ZSCORE", "~mlr!*"]) {
  test(`without ${name} there are no side keys`, async () => {
    const { code, ids, find } = await without(name);
    assert.equal(code, 1);
    assert.ok(ids.includes("right-side-keys") && ids.includes("mode-plain"), ids.join());
    assert.match(find("right-side-keys").text, name.startsWith("~") ? /the keys ~mlr!\*/ : new RegExp(`\\b${name}\\b`));
    assert.match(find("right-side-keys").text, /without fencing tokens/);
    assert.ok(find("right-side-keys").text.endsWith(`Missing in its ACL: ${ruleOf(name)}`), find("right-side-keys").text);
  });
}

for (const name of ["SUBSCRIBE", "PUBLISH", "&mlr!*"]) {
  test(`without ${name} callers poll`, async () => {
    const { code, ids, find } = await without(name);
    assert.equal(code, 1);
    assert.ok(ids.includes("right-channels") && ids.includes("mode-polling"), ids.join());
    assert.match(find("right-channels").text, name.startsWith("&") ? /PUBLISH .*SUBSCRIBE / : new RegExp(`refuses ${name} \\(`));
    assert.ok(find("right-channels").text.includes(`missing in the ACL: ${ruleOf(name)})`), find("right-channels").text);
  });
}

/** The right, the finding, its level, its exit code, and the disadvantage that the finding names. */
const OTHERS = [
  ["EVALSHA", "scripts-not-kept", "note", 0, /every script is sent in full/],
  ["SCAN", "right-scan", "warning", 1, /releaseAll fails/],
  ["CLIENT", "right-client", "warning", 1, /may keep its key locked until its lease ends/],
  ["SCRIPT", "right-script", "note", 0, /official package cannot be noticed/],
  ["INFO", "right-info", "note", 0, /most checks are left out/],
  ["SELECT", "right-select", "note", 0, /only database 0/],
];

for (const [name, id, level, code, cost] of OTHERS) {
  test(`without ${name}: ${id}`, async () => {
    const found = await without(name);
    assert.equal(found.code, code, JSON.stringify(found.findings));
    assert.equal(found.find(id).level, level);
    assert.match(found.find(id).text, cost);
    assert.match(found.find(id).text, new RegExp(`\\b${name}\\b`));
  });
}

test("everybody is told which rights are needed", async () => {
  assert.match((await without("ZADD")).find("right-side-keys").advice, /ACL SETUSER/);
});

/** Starts a proxy that refuses many commands, until the end of the test, and returns its address. */
async function proxyOf(t) {
  const refuses = ["HELLO", "SUBSCRIBE", "INFO", "CLIENT", "CONFIG", "ACL"];
  const proxy = await startRestrictiveProxy({ targetPort: bed.server.port, refuses, forgetsScripts: true });
  t.after(() => proxy.stop());
  return `redis://127.0.0.1:${proxy.port}`;
}

test("a proxy that knows next to nothing", async (t) => {
  const { code, ids, find } = await doctor(["--url", await proxyOf(t)]);
  assert.equal(code, 1);
  for (const id of ["mode-polling", "resp2-only", "right-channels", "right-client", "right-info", "scripts-not-kept"])
    assert.ok(ids.includes(id), `${id} of ${ids.join()}`);
  assert.match(find("right-channels").text, /SUBSCRIBE \(.*unknown command/);
  assert.match(find("scripts-not-kept").text, /forgot a script/);
});

test("locks can be listed behind such a proxy", async (t) => {
  await bed.command("SET", "medusa_lock:k", "me", "PX", "60000");
  const { code, stdout } = await cli(["list", "--url", await proxyOf(t)]);
  assert.equal(code, 0);
  assert.match(stdout, /^k {2,}owner me /m);
});

test("a user without channels sees the locks, and is told that nobody can be asked", async () => {
  await grant(
    bed,
    "deaf",
    ALL.filter((right) => !right.startsWith("&")),
  );
  await bed.command("SET", "medusa_lock:k", "execute:777589bc-26b7-8402-a5ad-4f0000000002", "PX", "60000");
  const { code, json } = await cliJson(["list", "--url", `redis://deaf:pw@127.0.0.1:${bed.server.port}`]);
  assert.equal(code, 0);
  assert.match(json.unasked, /NOPERM|SUBSCRIBE/);
  assert.deepEqual([json.locks[0].key, json.locks[0].holderAnswers, json.locks[0].waiters.unknown], ["k", null, true]);
});

test("a user without SCAN is told so in one line", async () => {
  await grant(
    bed,
    "blind",
    ALL.filter((right) => right !== "+scan"),
  );
  const ended = await cli(["list", "--url", `redis://blind:pw@127.0.0.1:${bed.server.port}`]);
  complainedOnce(ended, /NOPERM .*'scan'/);
  assert.equal(ended.code, 3);
});
