// Medusa boots more than once in one process (migrations, tests), and some do it with the very same configuration object.

import assert from "node:assert/strict";
import { test } from "node:test";
import { providerEntry } from "../../harness/locking-module.mjs";
import { NS, OURS_ONLY, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

const IDS = ["locking-redis", "lp_locking-redis"];

async function worksWithBothIds(locking) {
  for (const provider of IDS) {
    const owner = await locking.execute(`k-${provider}`, () => bed.owner(`${NS}k-${provider}`), { provider });
    assert.match(owner, /^execute:/);
  }
  await locking.acquire("default", { ownerId: "me" });
  assert.equal(await bed.owner(`${NS}default`), "me");
  assert.equal(await locking.release("default", { ownerId: "me" }), true);
}

for (const entry of [{}, { is_default: undefined }]) {
  const how = "is_default" in entry ? "a lone provider without is_default" : "a default provider";

  test(`${how}, booted three times with the same objects, works with both ids and gets one alias entry`, OURS_ONLY, async () => {
    const moduleOptions = { providers: [providerEntry(bed.options(), entry)] };
    const boots = [];
    for (let i = 0; i < 3; i += 1) {
      boots.push(await bed.bootWith({ moduleOptions }));
      const ids = moduleOptions.providers.map((provider) => provider.id);
      assert.equal(ids.filter((id) => id === "lp_locking-redis").length, 1, `ids after boot ${i + 1}: ${ids}`);
      assert.equal(ids.filter((id) => id.startsWith("lp_lp_")).length, 0, `ids after boot ${i + 1}: ${ids}`);
    }
    for (const { locking } of boots) await worksWithBothIds(locking);
    // The shutdown of the first one leaves the others up.
    await boots[0].shutdown();
    for (const { locking } of boots.slice(1)) await worksWithBothIds(locking);
  });

  test(`${how} that was shut down boots again with the same objects`, OURS_ONLY, async () => {
    const moduleOptions = { providers: [providerEntry(bed.options(), entry)] };
    for (let i = 0; i < 3; i += 1) {
      const booted = await bed.bootWith({ moduleOptions });
      await worksWithBothIds(booted.locking);
      await booted.shutdown();
    }
  });
}

test("the same provider entry in two configurations works in both", OURS_ONLY, async () => {
  const entry = providerEntry(bed.options());
  const boots = [await bed.bootWith({ providers: [entry] }), await bed.bootWith({ providers: [entry] })];
  for (const { locking } of boots) await worksWithBothIds(locking);
});

test("the same options object in two entries works in both", OURS_ONLY, async () => {
  const options = bed.options();
  const providers = [providerEntry(options), providerEntry(options, { id: "second", is_default: undefined })];
  const { locking } = await bed.bootWith({ providers });
  await worksWithBothIds(locking);
  for (const provider of ["second", "lp_second"]) {
    assert.match(await locking.execute("k", () => bed.owner(`${NS}k`), { provider }), /^execute:/);
  }
});

test("frozen options work", OURS_ONLY, async () => {
  const options = Object.freeze(bed.options({ redisOptions: Object.freeze({ db: 0 }) }));
  const { locking } = await bed.bootWith({ providers: [providerEntry(options)] });
  await worksWithBothIds(locking);
});

test("boots at the same time keep to themselves", async () => {
  const namespaces = ["one:", "two:", "three:"];
  const boots = [];
  for (const namespace of namespaces) boots.push(await bed.boot({ namespace }));
  await Promise.all(boots.map(({ locking }, i) => locking.acquire("k", { ownerId: namespaces[i] })));
  assert.deepEqual(await bed.owners(), { "one:k": "one:", "three:k": "three:", "two:k": "two:" });
});
