// The replies that wait for a connection with channels may not pass Redis' output limit, so `releaseAll` asks in portions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { OURS_ONLY, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

test("releaseAll over 40 locks whose keys have a megabyte each, while other calls go on", OURS_ONLY, async () => {
  const booted = await bed.boot();
  const { locking } = booted;
  for (let at = 0; at < 40; at += 1) await locking.acquire(`${at}`.padEnd(1 << 20, "x"), { ownerId: "me", expire: 600 });
  const all = locking.releaseAll({ ownerId: "me" });
  const others = Array.from({ length: 200 }, (_, at) => locking.execute(`k${at}`, async () => at));
  assert.equal((await Promise.all(others)).length, 200);
  await all;
  assert.equal(await bed.command("DBSIZE").then(async () => (await bed.locks()).length), 0);
  assert.doesNotMatch(booted.logText, /lost/);
});
