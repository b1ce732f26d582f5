// The log of a new user if something is not right yet. There is one line for each problem, and it says what to do.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { after, test } from "node:test";
import { freePort, startServer } from "../../harness/redis-servers.mjs";
import { OURS_ONLY, openTestbed, SERVER, until } from "../support/testbed.mjs";
import { openTlsBed } from "./support.mjs";

const bed = openTestbed();
const tls = await openTlsBed();

async function start(args = []) {
  const server = await startServer({ version: SERVER, args });
  after(() => server.stop());
  return server;
}

async function listen(server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close());
  return server.address().port;
}

/** The lines that ask somebody to do something. */
const asking = ({ logs }) => logs.filter(({ level }) => level === "warn" || level === "error").map(({ text }) => text);

/** Boots with this URL, and returns the one line that asks for something. */
async function theLine(redisUrl, redisOptions = {}) {
  const lines = asking(await bed.boot({ redisUrl, redisOptions }));
  assert.equal(lines.length, 1, lines.join("\n"));
  return lines[0];
}

/** Starts a server that sends this text to every client, and closes the connection. */
function saying(text) {
  return listen(
    net.createServer((socket) => {
      socket.on("error", () => {});
      socket.end(text);
    }),
  );
}

test("nobody listens there", OURS_ONLY, async () => {
  assert.match(await theLine(`redis://127.0.0.1:${await freePort()}`), /connect ECONNREFUSED 127.*; nothing listens there.*redisUrl/);
});

test("a name that there is not", OURS_ONLY, async () => {
  assert.match(await theLine("redis://no-such-host.invalid"), /"no-such-host.invalid" could not be resolved.*; check the host in redisUrl/);
});

test("a wrong password, a missing one, and one that is not wanted", OURS_ONLY, async () => {
  const server = await start(["--requirepass", "right"]);
  assert.match(await theLine(`redis://:wrong@127.0.0.1:${server.port}`), /refused the user name or password: WRONGPASS.*Check redisUrl/);
  assert.match(await theLine(`redis://127.0.0.1:${server.port}`), /asks for a password and none was given: NOAUTH.*Check redisUrl/);
  assert.match(await theLine(`redis://:unwanted@127.0.0.1:${bed.server.port}`), /did not want the password that was given/);
});

test("plain text where TLS is spoken, and the reverse", OURS_ONLY, async () => {
  const secure = await tls.start();
  assert.match(await theLine(`redis://127.0.0.1:${secure.port}`), /speaks TLS here.*use rediss:\/\//);
  const ca = tls.certificates.pem("ca");
  assert.match(await theLine(`rediss://127.0.0.1:${bed.server.port}`, { tls: { ca }, connectTimeout: 1_000 }), /may not speak TLS here/);
});

test("a replica", OURS_ONLY, async () => {
  const replica = await start(["--replicaof", `127.0.0.1 ${bed.server.port}`]);
  await until("the replica has its data", async () => (await replica.cli("INFO", "replication")).includes("master_link_status:up"));
  assert.match(await theLine(replica.url), /is a replica of 127.0.0.1:\d+: it takes no locks. Connect to the master/);
});

test("max clients", OURS_ONLY, async () => {
  const server = await start();
  const socket = net.connect(server.port, "127.0.0.1");
  after(() => socket.destroy());
  await once(socket, "connect");
  await server.cli("CONFIG", "SET", "maxclients", "1");
  assert.match(await theLine(server.url), /max number of clients reached.*raise its limit \(maxclients\)/);
});

test("protected mode", OURS_ONLY, async () => {
  const port = await saying("-DENIED Redis is running in protected mode because protected mode is enabled.\r\n");
  assert.match(await theLine(`redis://127.0.0.1:${port}`), /DENIED Redis is running in protected mode.*give it a password/);
});

test("a web server", OURS_ONLY, async () => {
  const port = await listen(http.createServer((_request, response) => response.end("hello")));
  assert.match(await theLine(`redis://127.0.0.1:${port}`), /a web server answers here.*check host and port/);
});

test("something else that is no Redis", OURS_ONLY, async () => {
  assert.match(await theLine(`redis://127.0.0.1:${await saying("SSH-2.0-OpenSSH_9.6\r\n")}`), /not RESP.*check host and port/);
});

test("Redis goes away for a while and comes back: one line each", OURS_ONLY, async () => {
  const server = await start();
  const booted = await bed.boot({ redisUrl: server.url });
  await server.kill("SIGKILL");
  await until("the log tells of it", () => asking(booted).length >= 2);
  await server.restart();
  await until("the log tells that it is back", () => booted.logText.includes("Connected to Redis again after "));
  const lines = asking(booted);
  assert.equal(lines.length, 2, lines.join("\n"));
  assert.match(lines[0], /connection to Redis was lost .*; connecting again/);
  assert.match(lines[1], /no connection to Redis yet \(connect ECONNREFUSED .*nothing listens there/);
});

test("Redis comes after the boot: a line says so", OURS_ONLY, async () => {
  const server = await start();
  await server.kill("SIGKILL");
  const booted = await bed.boot({ redisUrl: server.url });
  await server.restart();
  await until("the log tells that it is there", () => booted.logText.includes("Connected to Redis"));
  assert.equal(asking(booted).length, 1, booted.logText);
});
