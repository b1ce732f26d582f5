// The renewals have a connection of their own. It must use the same user and the same database.

import assert from "node:assert/strict";
import net from "node:net";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { NS, OURS_ONLY, openTestbed, until } from "../support/testbed.mjs";

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

test("a renewal that meets a server which has become a replica leaves it, and goes on when it is a master again", OURS_ONLY, async () => {
  const booted = await bed.boot();
  const connections = async () => (await bed.command("CLIENT", "LIST", "TYPE", "normal")).match(/^id=\d+/gm).sort();
  await booted.locking.execute(
    "k",
    async (_signal, lock) => {
      const before = await connections();
      await bed.command("REPLICAOF", "127.0.0.1", "1");
      try {
        await until("a renewal fails", () => /Failed to renew lock.*(READONLY|read only)/.test(booted.logText));
        await until("its connection is closed", async () => {
          const now = await connections();
          return before.some((id) => !now.includes(id));
        });
      } finally {
        await bed.command("REPLICAOF", "NO", "ONE");
      }
      await sleep(4_000);
      lock.assertHeld();
    },
    { expire: 6 },
  );
});

test("a new connection that nobody answers on holds up the renewals for a moment only", async () => {
  let connections = 0;
  const relay = net.createServer((socket) => {
    connections += 1;
    socket.on("error", () => {});
    // The first connection is for calls, the second for renewals.
    if (connections === 2) return;
    const other = net.connect(bed.server.port, "127.0.0.1").on("error", () => socket.destroy());
    socket.on("close", () => other.destroy());
    socket.pipe(other).pipe(socket);
  });
  await new Promise((resolve) => relay.listen(0, "127.0.0.1", resolve));
  try {
    const { locking } = await bed.boot({ redisUrl: `redis://127.0.0.1:${relay.address().port}` });
    await locking.acquire("k", { ownerId: "me", expire: 9, renew: true });
    await sleep(9_500);
    assert.equal(await bed.owner(`${NS}k`), "me");
    assert.equal(await locking.release("k", { ownerId: "me" }), true);
    await bed.closeBoots();
  } finally {
    relay.close();
  }
});
