import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import test from "node:test";
import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";
import { OURS_ONLY, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

test("the boot goes on without a server that accepts and says nothing, before its connection is given up", OURS_ONLY, async () => {
  const sockets = new Set();
  const server = net.createServer((socket) => sockets.add(socket.on("error", () => {}))).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const redisOptions = { connectTimeout: 600_000, socketTimeout: 600_000 };
    const redisUrl = `redis://127.0.0.1:${server.address().port}`;
    // With these limits, only the boot's own limit can end the boot within the time of a test.
    const booted = await bootLocking({ providers: [providerEntry({ redisUrl, redisOptions })] });
    assert.match(booted.logText, /error: An error occurred while connecting to Redis in provider "locking-redis": .*not ready within 5 s/);
    await assert.rejects(
      booted.locking.execute("k", async () => {}, { timeout: 1 }),
      { code: "REDIS_UNREACHABLE" },
    );
    await booted.shutdown();
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

test("the option ttl is known, and does nothing", async () => {
  const { locking, logText } = await bed.boot({ ttl: 30 });
  assert.doesNotMatch(logText, /ttl|not known/);
  await locking.acquire("k", { ownerId: "me" });
  assert.equal(await bed.pttl("medusa_lock:k"), -1);
});
