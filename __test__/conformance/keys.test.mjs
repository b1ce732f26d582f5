// The strings that are valid keys. A key in Redis is exactly prefix + key in UTF-8.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NS, OURS_ONLY, openTestbed, refused } from "../support/testbed.mjs";

const bed = openTestbed();

const INVALID = { type: "invalid_data", code: "INVALID_ARGUMENT" };

const HOSTILE = {
  "the empty string": "",
  "glob characters": "*?[]^-!a-z\\*",
  braces: "{}",
  "an empty tag": "x{}",
  "a tag": "{x}",
  "a closing brace first": "a}b",
  "nested braces": "{{a}}{b}",
  "an unclosed brace": "{shop:cart",
  "a tag of another part": "{shop}:cart",
  backslashes: "\\\\n\\",
  "blanks and control characters": " a\tb\r\nc\u0000d\u007f ",
  quotes: "\"'`",
  "letters of many scripts": "ключ-鍵-🔑-مفتاح-क",
  "combining characters": "a\u0308\u200d\ufeff",
  "the highest code point": "\u{10ffff}",
  "an asterisk": "*",
  "something like an owner": "execute:00000000-0000-4000-8000-000000000000",
  "a prefix once more": "medusa_lock:medusa_lock:",
  "a side key's beginning": "mlr!{x}f",
  "a name of objects": "__proto__",
  "a line of protocol": "*1\r\n$4\r\nPING\r\n",
};

for (const [what, key] of Object.entries(HOSTILE)) {
  test(`a key of ${what} works everywhere`, async () => {
    const { locking } = await bed.boot();
    const name = NS + key;
    await locking.acquire(key, { ownerId: "me", expire: 60 });
    assert.deepEqual(await bed.owners(), { [name]: "me" });
    const error = await refused(locking.acquire(key, { ownerId: "other" }), { type: "conflict" });
    assert.equal(error.message, `Failed to acquire lock for key "${key}"`);
    assert.equal(await locking.release(key, { ownerId: "me" }), true);
    const owner = await locking.execute([key, "second"], () => bed.owner(name));
    assert.match(owner, /^execute:/);
    await locking.acquire(key, { ownerId: "me" });
    await locking.releaseAll({ ownerId: "me" });
    assert.deepEqual(await bed.locks(), []);
  });
}

test("lone surrogates become U+FFFD, as in every other client of Redis in Node.js", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("a\ud800b", { ownerId: "me\udfff" });
  assert.deepEqual(await bed.owners(), { [`${NS}a\ufffdb`]: "me\ufffd" });
  assert.equal(await locking.release("a\ud800b", { ownerId: "me\udfff" }), true);
});

test("the lock of a key with a lone surrogate has its token under the key as given", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.execute(["a\ud800b", "plain"], async (_, lock) => {
    assert.equal(typeof lock.fencingTokens["a\ud800b"], "number");
    assert.equal(typeof lock.fencingTokens.plain, "number");
  });
});

test("keys that are the same in Redis are one key", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  assert.equal(await locking.execute(["\ud800", "\udbff"], async () => "ran"), "ran");
  assert.deepEqual(await bed.locks(), []);
});

test("keys that differ in one byte are two keys", async () => {
  const { locking } = await bed.boot();
  const keys = ["a", "A", "a ", " a", "a\u0000", "ä", "a\u0308"];
  await locking.acquire(keys, { ownerId: "me" });
  assert.equal((await bed.locks()).length, keys.length);
});

test("a key of half a mebibyte works", async () => {
  const { locking } = await bed.boot();
  const key = "x".repeat(512 * 1024);
  assert.equal(await locking.execute(key, () => bed.owner(NS + key).then(Boolean)), true);
  assert.deepEqual(await bed.locks(), []);
});

test("a key of more than a mebibyte is refused", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  for (const key of ["x".repeat(1024 * 1024 + 1), "鍵".repeat(400_000)]) {
    for (const call of callsWith(locking, ["ok", key])) {
      const error = await refused(call(), INVALID);
      assert.ok(error.message.length < 2000, "the message repeats the key");
    }
  }
  assert.deepEqual(await bed.locks(), []);
});

test("a thousand keys in one call work", async () => {
  const { locking } = await bed.boot();
  const keys = Array.from({ length: 1000 }, (_, i) => `many-${i}`);
  await locking.acquire(keys, { ownerId: "me", expire: 60 });
  assert.equal((await bed.locks()).length, 1000);
  assert.equal(await locking.release(keys, { ownerId: "me" }), true);
  assert.deepEqual(await bed.locks(), []);
});

test("keys that are neither strings nor numbers are refused by every method, and nothing is locked", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  for (const wrong of [Number.NaN, true, {}, Symbol("k"), () => "k", 5n, Buffer.from("k"), new String("k"), ["a"]]) {
    for (const keys of [wrong, ["a", wrong], [wrong]]) {
      if (Array.isArray(wrong) && keys === wrong) continue;
      for (const call of callsWith(locking, keys)) await refused(call(), INVALID);
    }
  }
  assert.deepEqual(await bed.locks(), []);
});

test("a hole in the list of keys is a key without a value: refused, and not released", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const keys = ["a"];
  keys[2] = "c";
  await refused(locking.acquire(keys), INVALID);
  await refused(
    locking.execute(keys, async () => {}),
    INVALID,
  );
  assert.equal(await locking.release(keys), false);
  assert.deepEqual(await bed.locks(), []);
});

test("a lock key that begins like a side key is refused", OURS_ONLY, async () => {
  const bare = await bed.boot({ namespace: "" });
  for (const call of callsWith(bare.locking, ["ok", "mlr!{0}f"])) await refused(call(), INVALID);
  const shaped = await bed.boot({ namespace: "mlr!" });
  await refused(shaped.locking.acquire("{x}"), INVALID);
  await shaped.locking.acquire("x", { ownerId: "me" });
  assert.equal(await bed.owner("mlr!x"), "me");
  assert.equal(await shaped.locking.release("x", { ownerId: "me" }), true);
});

function callsWith(locking, keys) {
  return [
    () => locking.acquire(keys, { ownerId: "me" }),
    () => locking.acquire(keys, { ownerId: "me", awaitQueue: true }),
    () => locking.execute(keys, async () => assert.fail("the job ran")),
    () => locking.release(keys, { ownerId: "me" }),
  ];
}
