// The names under which the Locking Module reaches a provider.

import assert from "node:assert/strict";
import { test } from "node:test";
import { providerEntry } from "../../harness/locking-module.mjs";
import { exceptOn, NS, OURS_ONLY, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

/** Runs every method with this provider id and asserts that Redis saw it. */
async function worksAs(locking, provider, namespace = NS) {
  const key = `k-${provider}`;
  await locking.acquire(key, { provider, ownerId: "me", expire: 60 });
  assert.equal(await bed.owner(namespace + key), "me");
  await assert.rejects(locking.acquire(key, { provider, ownerId: "other" }), { message: `Failed to acquire lock for key "${key}"` });
  assert.equal(await locking.release(key, { provider, ownerId: "me" }), true);
  assert.match(await locking.execute(key, () => bed.owner(namespace + key), { provider }), /^execute:/);
  await locking.acquire(key, { provider, ownerId: "me" });
  await locking.releaseAll({ provider, ownerId: "me" });
  assert.equal(await bed.owner(namespace + key), null);
}

async function isDefault(locking, namespace = NS) {
  await locking.acquire("default", { ownerId: "me" });
  assert.equal(await bed.owner(`${namespace}default`), "me", "the module's default is another provider");
  assert.equal(await locking.release("default", { ownerId: "me" }), true);
}

async function isNotDefault(locking) {
  await locking.acquire("default", { ownerId: "me" });
  assert.deepEqual(await bed.locks(), [], "the module's default is this provider");
  await locking.release("default", { ownerId: "me" });
}

test("the provider is reached by its id", async () => {
  const { locking } = await bed.boot();
  await worksAs(locking, "locking-redis");
});

test("the provider is reached by lp_ and its id, as Medusa's documentation has it", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await worksAs(locking, "lp_locking-redis");
});

test("both ids are the same locks", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { provider: "lp_locking-redis", ownerId: "me" });
  await assert.rejects(locking.acquire("k", { provider: "locking-redis", ownerId: "other" }));
  assert.equal(await locking.release("k", { provider: "locking-redis", ownerId: "me" }), true);
  await assert.rejects(locking.acquire("k2", { provider: "lp_locking-redis", ownerId: "execute:me" }), { code: "INVALID_ARGUMENT" });
});

test("both ids share one connection", OURS_ONLY, async () => {
  const { locking, logs } = await bed.boot();
  await Promise.all(
    ["locking-redis", "lp_locking-redis"].map((provider) => locking.execute(`k-${provider}`, async () => {}, { provider })),
  );
  const established = logs.filter((line) => line.text.includes("established"));
  assert.equal(established.length, 1);
});

test("another id works, and lp_ before it", OURS_ONLY, async () => {
  const { locking } = await bed.boot({}, { id: "my.Locks-1" });
  await worksAs(locking, "my.Locks-1");
  await worksAs(locking, "lp_my.Locks-1");
});

test("with is_default it is the module's default", async () => {
  const { locking } = await bed.boot({}, { is_default: true });
  await isDefault(locking);
});

test("a lone provider without is_default is the module's default", async () => {
  for (const entry of [{ is_default: undefined }, { is_default: false }]) {
    const { locking } = await bed.boot({}, entry);
    await isDefault(locking);
    await worksAs(locking, "locking-redis");
    await bed.closeBoots();
  }
});

test("a lone provider without is_default is reached by lp_ too", OURS_ONLY, async () => {
  const { locking } = await bed.boot({}, { is_default: undefined });
  await worksAs(locking, "lp_locking-redis");
  await isDefault(locking);
});

test("two providers of this package keep to themselves", async () => {
  const providers = [
    providerEntry({ ...bed.options(), namespace: "one:" }, { id: "one", is_default: undefined }),
    providerEntry({ ...bed.options(), namespace: "two:" }, { id: "two", is_default: true }),
  ];
  const { locking } = await bed.bootWith({ providers });
  await worksAs(locking, "one", "one:");
  await worksAs(locking, "two", "two:");
  await isDefault(locking, "two:");
});

test("two providers of this package are both reached by lp_", OURS_ONLY, async () => {
  const providers = [
    providerEntry({ ...bed.options(), namespace: "one:" }, { id: "one", is_default: true }),
    providerEntry({ ...bed.options(), namespace: "two:" }, { id: "two", is_default: undefined }),
  ];
  const { locking } = await bed.bootWith({ providers });
  await worksAs(locking, "lp_one", "one:");
  await worksAs(locking, "lp_two", "two:");
  await isDefault(locking, "one:");
});

test("two providers without is_default leave the module its own default", async () => {
  const providers = [
    providerEntry({ ...bed.options(), namespace: "one:" }, { id: "one", is_default: undefined }),
    providerEntry({ ...bed.options(), namespace: "two:" }, { id: "two", is_default: undefined }),
  ];
  const { locking } = await bed.bootWith({ providers });
  await isNotDefault(locking);
  await worksAs(locking, "two", "two:");
});

const BESIDE = exceptOn("cluster", "the official provider knows no clusters", OURS_ONLY);

test("beside the official provider it works, whichever is the default", BESIDE, async () => {
  for (const [ours, official] of [
    [true, undefined],
    [undefined, true],
  ]) {
    const providers = [
      providerEntry({ ...bed.options(), namespace: "ours:" }, { id: "ours", is_default: ours }),
      providerEntry(
        // The options that this package needs for a topology may not suit the official provider.
        { redisUrl: bed.server.url, namespace: "theirs:" },
        { id: "official", resolve: "@medusajs/locking-redis", is_default: official },
      ),
    ];
    const { locking } = await bed.bootWith({ providers });
    await worksAs(locking, "ours", "ours:");
    await worksAs(locking, "lp_ours", "ours:");
    await worksAs(locking, "official", "theirs:");
    await isDefault(locking, ours ? "ours:" : "theirs:");
    await bed.closeBoots();
  }
});

test("an entry of the user's own with the id lp_locking-redis is left alone", OURS_ONLY, async () => {
  const providers = [
    providerEntry({ ...bed.options(), namespace: "one:" }),
    providerEntry({ ...bed.options(), namespace: "two:" }, { id: "lp_locking-redis", is_default: undefined }),
  ];
  const { locking } = await bed.bootWith({ providers });
  await worksAs(locking, "locking-redis", "one:");
  await worksAs(locking, "lp_locking-redis", "two:");
});

test("an id that nobody has is refused by the module", async () => {
  const { locking } = await bed.boot();
  await assert.rejects(
    locking.acquire("k", { provider: "lp_lp_locking-redis" }),
    /Unable to retrieve the locking provider with id: lp_lp_locking-redis/,
  );
  await assert.rejects(
    locking.execute("k", async () => {}, { provider: "redis" }),
    /Unable to retrieve the locking provider with id: redis/,
  );
  assert.deepEqual(await bed.locks(), []);
});

test("the provider's class has the identifier locking-redis, under both ids", OURS_ONLY, async () => {
  const booted = await bed.boot();
  assert.equal(booted.provider().constructor.identifier, "locking-redis");
  assert.equal(booted.provider("lp_locking-redis").constructor.identifier, "locking-redis");
});
