// releaseAll finds its locks by a pattern. A namespace may contain characters that have a meaning in patterns.

import assert from "node:assert/strict";
import { test } from "node:test";
import { OURS_ONLY, openTestbed, refused } from "../support/testbed.mjs";

const bed = openTestbed();

/** A namespace, and a key outside of it that would match if the namespace were taken as a pattern. */
const HOSTILE = [
  ["a*:", "ab:k"],
  ["a?:", "ab:k"],
  ["a[bc]:", "ab:k"],
  ["a[^x]:", "ab:k"],
  ["a\\*:", "a*:k"],
  ["*", "anything"],
  ["?", "x"],
  ["[a]", "a"],
  ["\\", "nothing special"],
  ["a[", "b"],
  ["{tag}:", "tag:k"],
  ["ä*ö:", "äxö:k"],
  ["a-z[", "b-z["],
];

for (const [namespace, outside] of HOSTILE) {
  test(`releaseAll stays inside the namespace ${JSON.stringify(namespace)} and finds its locks`, OURS_ONLY, async () => {
    const { locking } = await bed.boot({ namespace });
    await bed.command("SET", outside, "me");
    await bed.command("SET", `${outside}2`, "*");
    await locking.acquire("k1", { ownerId: "me" });
    await locking.acquire("k2");
    await locking.acquire("k3", { ownerId: "other" });
    assert.equal(await bed.owner(`${namespace}k1`), "me");

    await locking.releaseAll({ ownerId: "me" });
    assert.deepEqual(await bed.owners(), { [outside]: "me", [`${outside}2`]: "*", [`${namespace}k2`]: "*", [`${namespace}k3`]: "other" });
    await locking.releaseAll();
    assert.deepEqual(await bed.owners(), { [outside]: "me", [`${outside}2`]: "*" });
  });
}

test("with a keyPrefix releaseAll finds its locks and leaves those without it alone", OURS_ONLY, async () => {
  const { locking } = await bed.boot({ redisOptions: { keyPrefix: "shop[1]*:" } });
  await locking.acquire(["a", "b"], { ownerId: "me" });
  await locking.acquire("c");
  assert.deepEqual(await bed.owners(), { "shop[1]*:medusa_lock:a": "me", "shop[1]*:medusa_lock:b": "me", "shop[1]*:medusa_lock:c": "*" });
  await bed.command("SET", "medusa_lock:a", "me");
  await bed.command("SET", "shop1x:medusa_lock:a", "me");
  const others = { "medusa_lock:a": "me", "shop1x:medusa_lock:a": "me" };

  await locking.releaseAll({ ownerId: "me" });
  assert.deepEqual(await bed.owners(), { ...others, "shop[1]*:medusa_lock:c": "*" });
  await locking.releaseAll();
  assert.deepEqual(await bed.owners(), others);
});

test("with an empty prefix releaseAll frees a named owner's locks", async () => {
  const { locking } = await bed.boot({ namespace: "" });
  await locking.acquire(["a", "b"], { ownerId: "me" });
  await locking.acquire("c", { ownerId: "other" });
  assert.deepEqual(await bed.owners(), { a: "me", b: "me", c: "other" });
  await locking.releaseAll({ ownerId: "me" });
  assert.deepEqual(await bed.owners(), { c: "other" });
});

test("with an empty prefix releaseAll without an owner is refused and frees nothing", OURS_ONLY, async () => {
  const { locking } = await bed.boot({ namespace: "" });
  await locking.acquire("a", { ownerId: "me" });
  await bed.command("SET", "session:1", "something of the shop's");
  await refused(locking.releaseAll(), { type: "invalid_data", code: "INVALID_ARGUMENT" });
  await refused(locking.releaseAll({}), { type: "invalid_data", code: "INVALID_ARGUMENT" });
  assert.deepEqual(await bed.owners(), { a: "me", "session:1": "something of the shop's" });
});

test("an empty namespace after a keyPrefix is not an empty prefix", OURS_ONLY, async () => {
  const { locking } = await bed.boot({ namespace: "", redisOptions: { keyPrefix: "shop:" } });
  await locking.acquire("a", { ownerId: "me" });
  await bed.command("SET", "session:1", "something of the shop's");
  await locking.releaseAll();
  assert.deepEqual(await bed.owners(), { "session:1": "something of the shop's" });
});

test("releaseAll with an empty prefix does not touch side keys", OURS_ONLY, async () => {
  const { locking } = await bed.boot({ namespace: "" });
  await locking.acquire("a", { ownerId: "me", expire: 60 });
  const sideKeys = async () =>
    (await bed.contents()).filter(({ name }) => name.startsWith("mlr!{")).map(({ name, value }) => ({ name, value }));
  const before = await sideKeys();
  assert.ok(before.some(({ name }) => name.endsWith("}f")));
  // The value of a side key may look like an owner.
  for (const { value } of before) await locking.releaseAll({ ownerId: value });
  assert.deepEqual(await sideKeys(), before);
});
