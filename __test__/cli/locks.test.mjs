// list, show, top and release with real processes: one that works, one that is stuck in a loop, one that was killed, one of the official
// package.

import assert from "node:assert/strict";
import os from "node:os";
import { test } from "node:test";
import { OFFICIAL, requireInstalled } from "../../harness/installed.mjs";
import { SIGNALS } from "../../harness/system.mjs";
import { NS, openTestbed, until } from "../support/testbed.mjs";
import { cli, cliJson, complainedOnce, doctor, startInstance } from "./support.mjs";

const bed = openTestbed();
const { version } = requireInstalled("medusa-locking-redis/package.json");

const url = () => ["--url", bed.url];
const asked = () => `(asked: 127.0.0.1:${bed.server.port}, database 0, namespace "medusa_lock:")`;

async function listed(args = []) {
  const { code, json } = await cliJson(["list", ...url(), ...args]);
  assert.equal(code, 0);
  return { ...json, byKey: Object.fromEntries(json.locks.map((lock) => [lock.key, lock])) };
}

/** Waits until `condition` is true for the listed locks, and returns the list. */
function untilListed(what, condition) {
  return until(what, async () => {
    const list = await listed();
    return condition(list.byKey) ? list : undefined;
  });
}

test("the list says who holds each lock, where that can be known", async () => {
  const [works, stuck, killed, official] = await Promise.all([
    startInstance(bed),
    startInstance(bed),
    startInstance(bed),
    startInstance(bed, { resolve: OFFICIAL }),
  ]);
  const { token } = await works.hold("by-works");
  await stuck.hold("by-stuck");
  await killed.hold("by-killed");
  await official.hold("by-official");
  await works.acquire("by-owner", { ownerId: "cart_1", expire: 60 });
  await works.acquire("by-nobody", {});
  await works.wait("by-killed");
  await stuck.block(60_000);
  await killed.kill();
  const { byKey, locks, more } = await untilListed("the loop is seen to be stuck", (all) => all["by-stuck"].holder?.stuckMs);
  assert.equal(more, false);
  assert.equal(locks.length, 6);
  assert.equal(locks[0].key, "by-killed", "who is waited for comes first");

  const here = byKey["by-works"];
  assert.match(here.owner, /^execute:/);
  assert.equal(here.kind, "execute");
  assert.equal(here.token, token);
  assert.equal(here.holderAnswers, true);
  assert.equal(here.state, "held");
  assert.deepEqual([here.holder.host, here.holder.pid, here.holder.package], [os.hostname(), works.pid, version]);
  assert.deepEqual([here.holder.node, here.holder.mode, here.holder.stuckMs], [`node ${process.versions.node}`, "hand-off", null]);
  assert.ok(here.heldMs >= 0 && here.leaseMs === 60_000 && here.leaseLeftMs <= 60_000, JSON.stringify(here));

  assert.deepEqual([byKey["by-stuck"].holder.pid, byKey["by-stuck"].holderAnswers], [stuck.pid, true]);
  assert.deepEqual([byKey["by-killed"].holder, byKey["by-killed"].holderAnswers], [null, false]);
  assert.deepEqual([byKey["by-official"].kind, byKey["by-official"].holder, byKey["by-official"].holderAnswers], ["official", null, null]);
  assert.deepEqual([byKey["by-owner"].kind, byKey["by-owner"].owner], ["named", "cart_1"]);
  assert.deepEqual([byKey["by-nobody"].kind, byKey["by-nobody"].leaseLeftMs], ["ownerless", null]);

  const { count, processes, clients } = byKey["by-killed"].waiters;
  assert.deepEqual([count, clients], [1, 1]);
  assert.deepEqual([processes[0].host, processes[0].pid, processes[0].count], [os.hostname(), works.pid, 1]);

  const people = await cli(["list", ...url()]);
  assert.match(people.stdout, /^KEY +HOLDER +LABEL +HELD +LEFT +WAIT +LONGEST$/m);
  assert.match(people.stdout, new RegExp(`^by-works +${os.hostname()} pid ${works.pid} `, "m"));
  assert.match(people.stdout, new RegExp(`^by-stuck +${os.hostname()} pid ${stuck.pid} \\(stuck `, "m"));
  assert.match(people.stdout, /^by-killed +\(does not answer\) /m);
  assert.match(people.stdout, /^by-official +\(official package\) /m);
  assert.match(people.stdout, /^by-nobody .* no end /m);
  assert.match(people.stdout, /^6 locks; 2 instances answered\.$/m);

  const { ids, find } = await doctor(url());
  for (const id of ["holder-silent", "instance-stuck", "locks-official"]) assert.ok(ids.includes(id), ids.join());
  assert.deepEqual(find("holder-silent").keys, ["by-killed"]);
  assert.deepEqual(find("locks-official").keys, ["by-official"]);
  assert.match(find("instance-stuck").text, new RegExp(`${os.hostname()}, pid ${stuck.pid}, has been stuck for \\d+\\.\\d s`));
  assert.match(find("instances").text, /^2 instances of this package answer\.$/);
});

test("show explains a lock, and what to do", SIGNALS, async () => {
  const [holder, waiter] = await Promise.all([startInstance(bed), startInstance(bed)]);
  await holder.hold("k");
  await waiter.wait("k");
  await untilListed("the wait is told", (all) => all.k.waiters.count === 1);
  const alive = await cli(["show", "k", ...url()]);
  assert.equal(alive.code, 0);
  assert.match(
    alive.stdout,
    new RegExp(`^key +k\nowner +execute:[0-9a-f-]+\nkind +execute\ntoken +\\d{16}\nholder +${os.hostname()} pid ${holder.pid}\n`),
  );
  assert.match(alive.stdout, /That process answers\./);
  assert.match(alive.stdout, new RegExp(`1 call waits, the longest for [^:]+:\\s+${os.hostname()}\\s+pid\\s+${waiter.pid}:`));
  const places = ({ stdout }) => /^connected +now: (.+)$/m.exec(stdout)[1].split(", ");
  const placeOf = ({ pid }) => `${os.hostname()}:${pid}`;
  holder.child.kill("SIGSTOP");
  const suspended = await cli(["show", "k", ...url()]);
  assert.deepEqual(places(suspended), [placeOf(holder), placeOf(waiter)].sort());
  assert.match(suspended.stdout, /does\s+not\s+answer\. It\s+is\s+dead,\s+cut\s+off\s+from\s+Redis\s+or\s+suspended,\s+or\s+it\s+works/);
  await holder.kill();
  const dead = await cli(["show", "k", ...url()]);
  assert.deepEqual(places(dead), [placeOf(waiter)]);
  assert.match(dead.stdout, /Look\s+at\s+that\s+process\s+first/);
  assert.match(dead.stdout, new RegExp(`^ {2}npx medusa-locking-redis release --url ${bed.url} k$`, "m"));
});

test("a key that is not there ends with 1 and one line", async () => {
  for (const args of [["show"], ["release", "--yes"]]) {
    const ended = await cli([...args, "nothing", ...url()]);
    complainedOnce(ended, /nobody holds "nothing" or waits for it \(asked: 127\.0\.0\.1:\d+, database 0, namespace "medusa_lock:"\)/);
    assert.equal(ended.code, 1);
  }
});

test("a URL in the place of a key is not repeated with its password", async () => {
  for (const args of [["show"], ["release", "--yes"]]) {
    const ended = await cli([...args, "redis://u:s3cret/ s3cret@h", ...url()]);
    complainedOnce(ended, /nobody holds "redis:\/\/\*\*\*@h"/);
    assert.doesNotMatch(ended.stderr, /s3cret/);
  }
});

test("the commands that show and the doctor advise can be pasted, and repeat no password", async () => {
  await bed.command("SET", "other:it's", "me");
  await bed.command("SET", `${NS}-k`, "me");
  const own = `npx medusa-locking-redis release --url ${bed.url}`;
  const commandOf = (text) => /npx [^\n]*?(?=\n|"(?: |\n))/.exec(text)[0];
  const other = ["--namespace", "other:", ...url()];
  for (const args of [
    ["show", "it's", ...other],
    ["doctor", ...other],
  ]) {
    assert.equal(commandOf((await cli(args)).stdout), `${own} --namespace other: 'it'\\''s'`);
  }
  assert.equal(commandOf((await cli(["show", ...url(), "--", "-k"])).stdout), `${own} -- -k`);
  const { stdout } = await cli(["show", "--url", bed.url.replace("://", "://:s3cret@"), "--", "-k"]);
  assert.equal(commandOf(stdout), "npx medusa-locking-redis release --url … -- -k");
  assert.doesNotMatch(stdout, /s3cret/);
});

test("another namespace has other locks", async () => {
  await bed.command("SET", "other:k", "me", "PX", "60000");
  assert.equal((await listed()).locks.length, 0);
  const { locks } = await listed(["--namespace", "other:"]);
  assert.deepEqual(
    locks.map(({ key, owner }) => [key, owner]),
    [["k", "me"]],
  );
});

test("an empty list is a success, and --limit says that there are more", async () => {
  const none = await cli(["list", ...url()]);
  assert.deepEqual([none.code, none.stdout], [0, `0 locks; 0 instances answered.\n${asked()}\n`]);
  for (let at = 0; at < 5; at += 1) await bed.command("SET", `${NS}k${at}`, "me", "PX", "60000");
  const { locks, more } = await listed(["--limit", "2"]);
  assert.deepEqual([locks.length, more], [2, true]);
  assert.match((await cli(["list", "--limit", "2", ...url()])).stdout, /^2 locks, and more \(--limit\); 0 instances answered\.$/m);
});

test("keys with blanks, quotes, control characters and other scripts are shown harmless, and found", async () => {
  const keys = ["with blank", "it's", "new\nline", "esc\u001b[31m", "c1\u009b31m", "turned\u202e", "注文", "ends in 😀", "-dash"];
  for (const key of keys) await bed.command("SET", NS + key, "me", "PX", "60000");
  const { locks } = await listed();
  assert.deepEqual(locks.map(({ key }) => key).sort(), keys.toSorted());
  const { stdout } = await cli(["list", ...url()]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for these characters.
  const obeyed = /[\u001b\u009b\u202e]/;
  assert.doesNotMatch(stdout, obeyed);
  for (const key of keys) {
    const { stdout: json } = await cli(["show", "--json", ...url(), "--", key]);
    assert.doesNotMatch(json, obeyed);
    assert.equal(JSON.parse(json).key, key);
  }
});

test("top has only what is waited for, the longest wait first", async () => {
  const [holder, waiter] = await Promise.all([startInstance(bed), startInstance(bed)]);
  for (const key of ["a", "b", "c"]) await holder.hold(key);
  await waiter.wait("b");
  await untilListed("the first wait is told", (all) => all.b.waiters.count === 1);
  await waiter.wait("a");
  await untilListed("the second wait is told", (all) => all.a.waiters.count === 1);
  const { json } = await cliJson(["top", ...url()]);
  assert.deepEqual(
    json.locks.map(({ key }) => key),
    ["b", "a"],
  );
  await bed.command("CONFIG", "RESETSTAT");
  const one = await cliJson(["top", "--limit", "1", ...url()]);
  assert.doesNotMatch(await bed.command("INFO", "commandstats"), /cmdstat_scan:/, "locks that nobody waits for are not looked at");
  assert.deepEqual([one.json.locks.map(({ key }) => key), one.json.more], [["b"], true]);
});

test("top says so where nobody waits", async () => {
  const { code, stdout } = await cli(["top", ...url()]);
  assert.deepEqual([code, stdout], [0, `Nobody is known to wait; 0 instances answered.\n${asked()}\n`]);
});

test("release frees the lock of a killed process, and the next waiter is served", async () => {
  const [holder, waiter] = await Promise.all([startInstance(bed), startInstance(bed)]);
  await holder.hold("k");
  await waiter.wait("k");
  await untilListed("the wait is told", (all) => all.k.waiters.count === 1);
  await holder.kill();
  const { code, stdout } = await cli(["release", "k", "--yes", ...url()]);
  assert.equal(code, 0);
  assert.match(stdout, /^Released "k"\. /m);
  assert.doesNotMatch(stdout, /medusa-locking-redis/, "nobody is advised to do what is being done");
  await waiter.says("served");
  await until("the lock is free", async () => (await bed.owner(`${NS}k`)) === null);
});

test("a job whose lock was released by hand is told so, and by whom", async () => {
  const holder = await startInstance(bed);
  await holder.hold("k");
  const { code, json } = await cliJson(["release", "k", "--yes", ...url()]);
  assert.equal(code, 0);
  assert.equal(json.released.holder.pid, holder.pid);
  assert.equal(json.next, null);
  const { code: reason, message, cause } = await holder.says("lost");
  assert.equal(reason, "LOCK_LOST");
  assert.match(`${message} ${cause}`, new RegExp(`@${os.hostname()}, pid \\d+, medusa-locking-redis release`));
});

test("without a terminal and without --yes nothing is released", async () => {
  await bed.command("SET", `${NS}k`, "me", "PX", "60000");
  const ended = await cli(["release", "k", ...url()]);
  complainedOnce(ended, /there is no terminal to ask at: --yes releases without a question/);
  assert.equal(ended.code, 2);
  assert.equal(await bed.owner(`${NS}k`), "me");
});
