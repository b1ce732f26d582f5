// Connections other than plain-text TCP to an address.

import assert from "node:assert/strict";
import dns from "node:dns/promises";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { startServer } from "../../harness/redis-servers.mjs";
import { UNIX_SOCKETS } from "../../harness/system.mjs";
import { OURS_ONLY, openTestbed, SERVER } from "../support/testbed.mjs";
import { FAILED, failsToConnect, takesALock } from "./support.mjs";

const bed = openTestbed();

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-socket-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Runs `body` with a server that also listens on a Unix socket. */
async function withSocket(socket, body) {
  const server = await startServer({ version: SERVER, args: ["--unixsocket", socket] });
  try {
    await body(server);
  } finally {
    await bed.closeBoots();
    await server.stop();
  }
}

test("a Unix socket, by every form of the URL and by the option", UNIX_SOCKETS, async () => {
  const socket = path.join(folder, "redis.sock");
  await withSocket(socket, async (server) => {
    const forms = [
      { redisUrl: socket },
      { redisUrl: `unix://${socket}` },
      { redisUrl: `redis+unix://${socket}` },
      { redisUrl: "redis://redis.invalid:1", redisOptions: { path: socket } },
    ];
    for (const form of forms) await takesALock(await bed.boot(form), server);
    const inTwo = await bed.boot({ redisUrl: `${socket}?db=2` });
    await inTwo.locking.acquire("two", { ownerId: "me" });
    assert.equal(await server.cli("EXISTS", "medusa_lock:two"), 0);
    assert.match(await server.cli("INFO", "keyspace"), /^db2:keys=/m);
  });
});

test("a lease over a Unix socket is renewed while the event loop is blocked", { ...UNIX_SOCKETS, ...OURS_ONLY }, async () => {
  const socket = path.join(folder, "lease.sock");
  await withSocket(socket, async () => {
    const { locking } = await bed.boot({ redisUrl: socket });
    const blocked = async (_signal, lock) => {
      const end = Date.now() + 2_500;
      while (Date.now() < end) lock.assertHeld();
    };
    await locking.execute("k", blocked, { expire: 1 });
  });
});

test("a Unix socket that is not there yet", { ...UNIX_SOCKETS, ...OURS_ONLY }, async () => {
  const socket = path.join(folder, "later.sock");
  const booted = await bed.boot({ redisUrl: `unix://${socket}` });
  await failsToConnect(booted, new RegExp(`connect ENOENT ${socket}`));
  await withSocket(socket, (server) => takesALock(booted, server));
});

test("localAddress is where the connection comes from", async () => {
  const localAddress = process.platform === "linux" ? "127.0.0.2" : "127.0.0.1";
  const seen = [];
  const relay = net.createServer((socket) => {
    seen.push(socket.remoteAddress);
    const other = net.connect(bed.server.port, "127.0.0.1");
    socket.pipe(other).pipe(socket);
    socket.on("error", () => other.destroy());
    other.on("error", () => socket.destroy());
  });
  await new Promise((resolve) => relay.listen(0, "127.0.0.1", resolve));
  try {
    // As with ioredis, options of a socket stand in `tls`, and `tls` also switches TLS on.
    const redisOptions = { tls: { localAddress, rejectUnauthorized: false }, connectTimeout: 500 };
    await bed.boot({ redisUrl: `redis://127.0.0.1:${relay.address().port}`, redisOptions });
    assert.equal(seen[0], localAddress);
    await bed.closeBoots();
  } finally {
    relay.close();
  }
});

test("a connection stands however long the silence may be until it is asked whether the other side is there", async () => {
  await takesALock(await bed.boot({ redisOptions: { keepAlive: 86_400_000 } }), bed.server);
});

test("an address of this name that refuses is passed over", OURS_ONLY, async (context) => {
  const addresses = await dns.lookup("localhost", { all: true, verbatim: true });
  // The server listens on IPv4 only.
  if (!addresses.some(({ family }) => family === 6)) return context.skip("localhost has one address here");
  await takesALock(await bed.boot({ redisUrl: `redis://localhost:${bed.server.port}` }), bed.server);
});

test("a name without an address of the family, and one that is not known, are told", OURS_ONLY, async () => {
  const none = await bed.boot({ redisUrl: `redis://127.0.0.1:${bed.server.port}?family=6` });
  await failsToConnect(none, /has no address of the wanted family/);
  const { logText } = await bed.boot({ redisUrl: "redis://redis.invalid:6379" });
  assert.ok(logText.includes(`${FAILED}Error: the name "redis.invalid" could not be resolved`), logText);
});
