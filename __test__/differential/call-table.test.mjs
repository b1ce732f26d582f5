// Hand-written sequences: the calls that shops make, and the odd arguments that have a meaning in the official package.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred, openTestbed } from "../support/testbed.mjs";
import { openSideBySide } from "./side-by-side.mjs";

const bed = openTestbed();

const acquire = (keys, args) => ({ method: "acquire", keys, args });
const release = (keys, args) => ({ method: "release", keys, args });
const releaseAll = (args) => ({ method: "releaseAll", args });
const execute = (keys, args, job) => ({ method: "execute", keys, args, job });

const boom = () => {
  throw new Error("the job failed");
};

const EXPIRES = [
  undefined,
  null,
  0,
  -0,
  Number.NaN,
  "",
  false,
  1,
  2,
  30,
  86_400,
  -1,
  -0.5,
  0.3,
  "0",
  "1",
  "45",
  " 30 ",
  "abc",
  "1e2",
  true,
  [],
];

const SEQUENCES = {
  "one owner": [
    acquire("k", { ownerId: "me" }),
    acquire("k", { ownerId: "me" }),
    release("k", { ownerId: "me" }),
    release("k", { ownerId: "me" }),
  ],
  nobody: [
    acquire("k"),
    acquire("k"),
    acquire("k", {}),
    release("k"),
    release("k"),
    acquire("k", { ownerId: null }),
    release("k", { ownerId: undefined }),
  ],
  "two owners": [
    acquire("k", { ownerId: "me", expire: 60 }),
    acquire("k", { ownerId: "you" }),
    acquire("k"),
    release("k", { ownerId: "you" }),
    release("k"),
    release("k", { ownerId: "me" }),
    acquire("k", { ownerId: "you" }),
  ],
  "an owner and nobody": [
    acquire("k", { ownerId: "*" }),
    acquire("k", { ownerId: "me" }),
    release("k", { ownerId: "me" }),
    release("k", { ownerId: "*" }),
  ],
  "the empty owner": [acquire("k", { ownerId: "" }), acquire("k", { ownerId: "" }), release("k"), release("k", { ownerId: "" })],
  "longer, shorter, for ever": [
    acquire("k", { ownerId: "me", expire: 10 }),
    acquire("k", { ownerId: "me", expire: 1000 }),
    acquire("k", { ownerId: "me", expire: 20 }),
    acquire("k", { ownerId: "me" }),
    acquire("k", { ownerId: "me", expire: 5 }),
    acquire("k", { ownerId: "me", expire: 0 }),
  ],
  "several keys": [
    acquire(["a", "b"], { ownerId: "me", expire: 60 }),
    acquire(["b", "c"], { ownerId: "me", expire: 90 }),
    release(["a", "b"], { ownerId: "me" }),
    release(["b", "c"], { ownerId: "me" }),
    acquire([], { ownerId: "me" }),
    release([], { ownerId: "me" }),
  ],
  "several keys, some free": [
    acquire("a", { ownerId: "me" }),
    release(["a", "b"], { ownerId: "me" }),
    release(["b", "c"]),
    acquire(["a"]),
    release(["a"]),
  ],
  "a key twice for its owner": [acquire(["a", "a"], { ownerId: "me", expire: 60 }), acquire(["a", "b", "a"], { ownerId: "me" })],
  "releaseAll of one owner": [
    acquire(["a", "b"], { ownerId: "me" }),
    acquire("c", { ownerId: "you" }),
    acquire("d"),
    releaseAll({ ownerId: "me" }),
    releaseAll({ ownerId: "nobody at all" }),
    releaseAll({ ownerId: "*" }),
    releaseAll({ ownerId: "you" }),
    releaseAll({ ownerId: "" }),
  ],
  "execute and what it returns": [
    execute("k"),
    execute("k", { timeout: 1, expire: 5 }),
    execute(["a", "b"], {}, () => 42),
    execute([], undefined, async () => null),
    execute("k", null, () => undefined),
    execute("k", undefined, boom),
    execute("k", undefined, async () => boom()),
    acquire("k"),
  ],
  "execute that times out": [
    acquire("k", { ownerId: "me" }),
    execute("k", { timeout: 1 }),
    release("k", { ownerId: "me" }),
    execute("k", { timeout: 1 }),
  ],
  "execute with a timeout that is no number": [
    acquire("k"),
    execute("k", { timeout: Number.NaN }),
    execute("k", { timeout: "1" }),
    execute("k", { timeout: -5 }),
    execute("k", { timeout: "abc" }),
  ],
  "awaitQueue on free keys": [
    acquire("a", { awaitQueue: true }),
    acquire(["b", "c"], { awaitQueue: true, ownerId: "me", expire: 60 }),
    release(["a"]),
    acquire("a", { awaitQueue: false }),
  ],
  "hostile keys": ["", "*", "a}b", "{x}", "x{}", "?[^a]\\", "ключ🔑", "a\ud800b", "a\nb\u0000c", "__proto__"].flatMap((key) => [
    acquire(key, { ownerId: "me", expire: 60 }),
    acquire(key, { ownerId: "you" }),
    release([key, "other"], { ownerId: "me" }),
  ]),
  "hostile owners": ["**", "me\ufffd", "a\nb", "ключ🔑", "__proto__", "grant", "execute"].flatMap((ownerId) => [
    acquire("k", { ownerId, expire: 60 }),
    acquire("k", { ownerId }),
    acquire("k", { ownerId: `${ownerId}x` }),
    releaseAll({ ownerId }),
  ]),
  "improved: anything as a key": [undefined, null, 5, {}, true, ["a", null]].flatMap((keys) => [
    acquire(keys),
    release(keys),
    execute(keys),
  ]),
  "improved: anything as an owner": [5, true, {}, []].flatMap((ownerId) => [
    acquire("k", { ownerId }),
    release("k", { ownerId }),
    releaseAll({ ownerId }),
  ]),
  "improved: owners that are reserved": [acquire("k", { ownerId: "execute:x" }), acquire("k", { ownerId: "grant:x" })],
  "improved: several keys with a held one": [
    acquire("b", { ownerId: "you" }),
    acquire(["a", "b", "c"], { ownerId: "me" }),
    acquire("b"),
    acquire(["b", "a"]),
  ],
  "improved: several keys that time out": [acquire("k", { ownerId: "me" }), execute(["a", "k", "z"], { timeout: 1 })],
  "improved: fractions of a second": [
    acquire("k", { expire: 1.5 }),
    acquire("k", { ownerId: "me", expire: "2.5" }),
    execute("k", { expire: 3.5 }),
  ],
  "improved: a key twice": [
    acquire(["a", "a"]),
    release(["a", "a"]),
    acquire("a"),
    release(["a", "a"]),
    execute(["a", "a"], { timeout: 1 }),
  ],
  "improved: releaseAll of everybody": [
    acquire("a", { ownerId: "me" }),
    acquire("b"),
    releaseAll(),
    acquire("a", { ownerId: "me" }),
    releaseAll({}),
    releaseAll({ ownerId: null }),
  ],
};

for (const expire of EXPIRES) {
  const shown =
    typeof expire === "string" ? JSON.stringify(expire) : Array.isArray(expire) ? "[]" : Object.is(expire, -0) ? "-0" : String(expire);
  SEQUENCES[`acquire with expire ${shown}`] = [
    acquire("k", { ownerId: "me", expire }),
    acquire("k", { ownerId: "me", expire: 500 }),
    acquire("k", { ownerId: "me", expire }),
  ];
  SEQUENCES[`execute with expire ${shown}`] = [execute("k", { expire })];
}

for (const [what, steps] of Object.entries(SEQUENCES)) {
  test(`the same calls give the same: ${what}`, async () => {
    const both = await openSideBySide(bed);
    for (const step of steps) await both.step(step);
  });
}

test("the same lease is in Redis while an execute runs", async () => {
  const both = await openSideBySide(bed);
  for (const expire of [undefined, null, 0, 1, 30, -1, Number.NaN, "45"]) {
    const leases = [];
    const together = deferred();
    // Each side runs the job once. When both jobs run, both locks are there.
    const job = async () => {
      leases.push("inside");
      if (leases.length === 2) {
        const seen = [await both.contents("official"), await both.contents("ours")].map(({ k }) => Math.ceil(k.pttl / 1000));
        together.resolve(seen);
      }
      await together.promise;
    };
    await both.step(execute("k", { expire }, job));
    const [official, ours] = await together.promise;
    assert.equal(ours, official, `expire ${String(expire)}`);
  }
});
