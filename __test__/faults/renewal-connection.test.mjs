// The renewal lane has a connection of its own; it must be the same user's, in the same database.

import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

/** Holds a lock for several leases. */
async function outlastLeases(redisUrl) {
  const { locking, logs } = await bed.boot({ redisUrl });
  await locking.execute(
    "k",
    async (signal, lock) => {
      await sleep(2_500);
      lock.assertHeld();
      assert.equal(signal.aborted, false);
    },
    { expire: 1 },
  );
  return logs.filter((line) => line.level === "warn").map((line) => line.text);
}

test("leases are renewed as the ACL user and in the database of the provider", async () => {
  await bed.command("ACL", "SETUSER", "shop", "on", ">p@ss", "~*", "&*", "+@all");
  assert.deepEqual(await outlastLeases(`redis://shop:p%40ss@127.0.0.1:${bed.server.port}/3`), []);
});

test("leases are renewed where the server does not want the password that was given", async () => {
  const warnings = await outlastLeases(`redis://:unneeded@127.0.0.1:${bed.server.port}`);
  assert.match(warnings[0], /did not want the password/);
  assert.ok(warnings.every((text) => !text.includes("unneeded")));
});
