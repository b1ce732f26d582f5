// Users and proxies that refuse one thing each. Either locks work without it and the log names it once, or calls fail with an error that names
// it.

import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";
import { startFaultProxy } from "../../harness/fault-proxy.mjs";
import { startRestrictiveProxy } from "../../harness/restrictive-proxy.mjs";
import { COMMANDS, grant, LEAST } from "../../harness/rights.mjs";
import { NS, openTestbed, refused, until } from "../support/testbed.mjs";

const bed = openTestbed();

/** Takes, extends, refuses, hands over and gives back locks, as a shop does. Resolves with whether the job had a token. */
async function useLocks({ locking }) {
  await locking.acquire("k", { ownerId: "me", expire: 30 });
  await locking.acquire("k", { ownerId: "me", expire: 60 });
  await refused(locking.acquire("k", { ownerId: "you" }), { code: "LOCK_NOT_ACQUIRED" });
  const waits = locking.execute("k", async () => "waited", { timeout: 20 });
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
  assert.equal(await waits, "waited");
  const token = await locking.execute(["a", "b"], async (_signal, lock) => lock.fencingTokens.a);
  // Five keys without side keys must not be taken for one key with its side keys.
  await locking.execute(["a", "b", "c", "d", "e"], () => {});
  let inside = 0;
  const job = async () => {
    inside += 1;
    assert.equal(inside, 1, "two jobs at once");
    await new Promise(setImmediate);
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 20 }, () => locking.execute("hot", job, { timeout: 20 })));
  // The lease is renewed before the job ends.
  await locking.execute("long", () => new Promise((resolve) => setTimeout(resolve, 1_300)), { expire: 1 });
  assert.deepEqual(await bed.locks(), []);
  return token !== undefined;
}

/** Asserts that locks work. The log names the missing thing in one line, or has no such line without `log`. */
async function works(booted, { tokens = true, log }) {
  assert.equal(await useLocks(booted), tokens);
  await booted.locking.acquire("left", { ownerId: "me" });
  await booted.locking.releaseAll();
  assert.deepEqual(await bed.locks(), []);
  tellsOnce(booted, log);
}

function tellsOnce({ logs }, log) {
  const told = logs.filter(({ level }) => level !== "info").map(({ text }) => text);
  assert.equal(told.length, log ? 1 : 0, told.join("\n"));
  if (log) assert.match(told[0], log);
}

/** Asserts that every kind of call fails at once with an error that names the missing thing, and that the boot's log names it. */
async function fails({ locking, logText }, reason) {
  assert.match(logText, reason);
  const expected = { code: "REDIS_REFUSED", type: "locking_error", message: reason };
  await refused(locking.acquire("k", { ownerId: "me" }), expected);
  await refused(
    locking.execute("k", () => assert.fail("ran")),
    expected,
  );
  await refused(locking.release("k", { ownerId: "me" }), expected);
  // If a lock that was tried at connect cannot be deleted, it ends after a millisecond.
  await until("nothing is locked", async () => (await bed.locks()).length === 0);
}

const POLLING = (what) => ({ log: new RegExp(`asking again and again.*${what}`, "is") });
const PLAIN = (what) => ({ tokens: false, log: new RegExp(what, "is") });

/** By missing right: the log line if locks work without the right, or the reason why all calls fail. */
const ONE_FEWER = {
  [`~${NS}*`]: { fails: /begin with|beginning with "medusa_lock:"/ },
  "~mlr!*": PLAIN("mlr!"),
  "&mlr!*": POLLING("channels"),
  "+eval": { fails: /Lua scripts \(EVAL\).*eval/is },
  "+evalsha": { log: /sent in full.*evalsha/is },
  "+set": { fails: /Lua scripts.*SET/s },
  "+get": { fails: /Lua scripts.*GET/s },
  "+del": { fails: /Lua scripts.*DEL/s },
  "+pttl": { fails: /Lua scripts.*PTTL/s },
  "+pexpire": { fails: /Lua scripts.*PEXPIRE/s },
  // Redis lets every user call HELLO.
  "+hello": {},
  "+subscribe": POLLING("subscribe"),
  "+publish": POLLING("PUBLISH"),
  "+info": { log: /ready check is skipped.*info/is },
  "+client": { log: /CLIENT was refused/ },
  // Without this right, the client assumes that there are callers of the official package, which costs a pause.
  "+script": {},
};
for (const name of ["mget", "exists", "incrby", "persist", "time", "zadd", "zpopmin", "zrange", "zrem", "zscore"]) {
  ONE_FEWER[`+${name}`] = PLAIN("may not use|refuses|permission|mlr!");
}

function boot(url = "", options = {}) {
  return bed.boot({ redisUrl: `redis://${url}`, ...options });
}

test("the README's command gives the rights that are tested", () => {
  const readme = fs.readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const [, rules] = /ACL SETUSER shop on '>password' ([^`]*)\n```/.exec(readme);
  assert.deepEqual(
    rules
      .split(/[\s'\\]+/)
      .filter(Boolean)
      .sort(),
    [...LEAST].sort(),
  );
});

test("every right that the README names is tried without", () => {
  const tried = new Set([...Object.keys(ONE_FEWER), "+scan", "+select"]);
  assert.deepEqual(
    [...LEAST].filter((right) => !tried.has(right)),
    [],
  );
  assert.equal(tried.size, LEAST.length, COMMANDS.join(" "));
});

for (const [right, expected] of Object.entries(ONE_FEWER)) {
  test(`without ${right} ${expected.fails ? "every call fails and says so" : "locks work, and the log tells of it once, if there is something to tell"}`, async () => {
    await grant(
      bed,
      "fewer",
      LEAST.filter((one) => one !== right),
    );
    const booted = await boot(`fewer:pw@127.0.0.1:${bed.server.port}`);
    await (expected.fails ? fails(booted, expected.fails) : works(booted, expected));
  });
}

test("without side keys an acquire that is withdrawn leaves its owner the lock that it had", async (t) => {
  await grant(
    bed,
    "fewer",
    LEAST.filter((right) => right !== "~mlr!*"),
  );
  const proxy = await startFaultProxy({ targetPort: bed.server.port });
  t.after(() => proxy.stop());
  const { locking, logs } = await boot(`fewer:pw@127.0.0.1:${proxy.port}`);
  const withdrawn = async (key) => {
    const controller = new AbortController();
    // The answer must not arrive before the signal.
    proxy.pauseReplies();
    const call = locking.acquire(key, { ownerId: "me", expire: 30, signal: controller.signal });
    controller.abort();
    await assert.rejects(call, { name: "AbortError" });
    proxy.resumeReplies();
  };
  await locking.acquire("k", { ownerId: "me", expire: 60 });
  await withdrawn("k");
  await until("the answer is there", async () => logs.some(({ text }) => /lock on key "k" .*is not known/.test(text)));
  assert.equal(await bed.owner(`${NS}k`), "me");
  await withdrawn("free");
  // A lock that surely belongs to the withdrawn call is given back.
  await until("only the owner's lock is left", async () => (await bed.locks()).length === 1);
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
});

test("without +scan locks work, and only releaseAll fails and says so", async () => {
  await grant(
    bed,
    "fewer",
    LEAST.filter((one) => one !== "+scan"),
  );
  const booted = await boot(`fewer:pw@127.0.0.1:${bed.server.port}`);
  assert.equal(await useLocks(booted), true);
  tellsOnce(booted);
  await refused(booted.locking.releaseAll(), { code: "REDIS_REFUSED", message: /scan/i });
  tellsOnce(booted, /REDIS_REFUSED.*scan/i);
});

test("without +select another database is refused, and database 0 works", async () => {
  await grant(
    bed,
    "fewer",
    LEAST.filter((one) => one !== "+select"),
  );
  await works(await boot(`fewer:pw@127.0.0.1:${bed.server.port}`), {});
  await fails(await boot(`fewer:pw@127.0.0.1:${bed.server.port}/1`), /Redis refused database 1/);
});

/** By restriction of the proxy: the log line if locks work behind it, or the reason why all calls fail. */
const PROXIES = [
  [{ refuses: ["HELLO"] }, POLLING("RESP3")],
  [{ refuses: ["SUBSCRIBE", "SSUBSCRIBE", "PSUBSCRIBE"] }, POLLING("SUBSCRIBE")],
  [{ refuses: ["PUBLISH"] }, POLLING("PUBLISH")],
  [{ refuses: ["EVAL", "EVALSHA"] }, { fails: /Lua scripts/ }],
  [{ refuses: ["EVALSHA"] }, { log: /sent in full/ }],
  [{ forgetsScripts: true }, { log: /sent in full.*NOSCRIPT/s }],
  [{ refuses: ["INFO"] }, { log: /ready check is skipped/ }],
  [{ refuses: ["CLIENT"] }, { log: /CLIENT was refused/ }],
  [{ refuses: ["WAIT", "CONFIG", "SCRIPT"] }, {}],
];

for (const [does, expected] of PROXIES) {
  const name = does.refuses ? `does not know ${does.refuses.join(", ")}` : "forgets every script";
  test(`behind a proxy that ${name} ${expected.fails ? "every call fails and says so" : "locks work"}`, async (t) => {
    const proxy = await startRestrictiveProxy({ targetPort: bed.server.port, ...does });
    t.after(() => proxy.stop());
    const booted = await boot(`127.0.0.1:${proxy.port}`);
    await (expected.fails ? fails(booted, expected.fails) : works(booted, expected));
    await bed.closeBoots();
  });
}

test("behind a proxy that knows next to nothing locks work, and the log names each thing once", async (t) => {
  const refuses = ["HELLO", "SUBSCRIBE", "INFO", "CLIENT", "WAIT", "CONFIG"];
  const proxy = await startRestrictiveProxy({ targetPort: bed.server.port, refuses, forgetsScripts: true });
  t.after(() => proxy.stop());
  const booted = await boot(`127.0.0.1:${proxy.port}`);
  assert.equal(await useLocks(booted), true);
  for (const what of [/asking again and again/, /ready check is skipped/, /CLIENT was refused/, /sent in full/]) {
    assert.equal(booted.logs.filter(({ text }) => what.test(text)).length, 1, `${what}\n${booted.logText}`);
  }
  await bed.closeBoots();
});

test("safety behind a proxy that does not know WAIT: no lock is given", async (t) => {
  const proxy = await startRestrictiveProxy({ targetPort: bed.server.port, refuses: ["WAIT"] });
  t.after(() => proxy.stop());
  await fails(await boot(`127.0.0.1:${proxy.port}`, { safety: { replicas: 1 } }), /option safety needs WAIT/);
  await bed.closeBoots();
});
