// A server that repeats passwords in its replies. The passwords must not appear anywhere.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { providerEntry } from "../../harness/locking-module.mjs";
import { startServer } from "../../harness/redis-servers.mjs";
import { startHostileServer } from "../hostile/server.mjs";
import { OURS_ONLY, openTestbed, SERVER, until } from "../support/testbed.mjs";

const bed = openTestbed();
const SECRET = "hunter2/SECRET";
const FORMS = [SECRET, encodeURIComponent(SECRET), "hunter2/SECR"];
const echo = (socket) => socket.write(`-ERR unknown command, with args beginning with: ${FORMS.map((form) => `'${form}'`).join(" ")} \r\n`);

/** Everything that the log and the error of a call contain. */
async function shownBy(booted, call) {
  const error = await call.then(
    () => undefined,
    (failure) => failure,
  );
  return `${booted.logText}\n${inspect(error, { depth: 9 })}\n${error?.stack}\n${JSON.stringify(error)}`;
}

function assertClean(shown) {
  for (const form of ["hunter2", "SECRET"]) assert.ok(!shown.includes(form), shown);
}

async function guarded() {
  const server = await startServer({ version: SERVER, args: ["--requirepass", SECRET] });
  const proxy = await startHostileServer(server.port);
  after(async () => {
    await proxy.stop();
    await server.stop();
  });
  return { server, proxy, redisUrl: `redis://:${encodeURIComponent(SECRET)}@127.0.0.1:${proxy.port}` };
}

test("a server that does not know AUTH and repeats its arguments", OURS_ONLY, async () => {
  const server = await startServer({ version: SERVER, args: ["--rename-command", "AUTH", ""] });
  after(() => server.stop());
  const booted = await bed.boot({ redisUrl: `redis://:${encodeURIComponent(SECRET)}@127.0.0.1:${server.port}` });
  const shown = await shownBy(
    booted,
    booted.locking.execute("k", async () => {}, { timeout: 1 }),
  );
  assert.match(shown, /unknown command .?AUTH/);
  assertClean(shown);
});

test("an answer to a call, to reconnectOnError, and one that nobody asked for", OURS_ONLY, async () => {
  const { proxy, redisUrl } = await guarded();
  const heard = [];
  const redisOptions = { reconnectOnError: (error) => Boolean(heard.push(inspect(error))) && false };
  const booted = await bed.boot({ redisUrl, redisOptions });
  proxy.turnBad(
    (socket) => {
      echo(socket);
      echo(socket);
    },
    (words) => words.some((word) => word.includes("medusa_lock:k")),
  );
  const shown = await shownBy(
    booted,
    booted.locking.execute("k", async () => {}, { timeout: 1 }),
  );
  assert.ok(heard.length > 0);
  assertClean(shown + heard.join("\n"));
  assert.ok(shown.includes("***"), shown);
});

test("an answer on the renewal's connection", OURS_ONLY, async () => {
  const { proxy, redisUrl } = await guarded();
  const booted = await bed.boot({ redisUrl });
  proxy.turnBad(echo, (_words, socket) => !socket.main);
  const ended = booted.locking.execute("k", async () => until("a renewal failed", () => booted.logText.includes("Failed to renew")), {
    expire: 3,
  });
  const shown = await shownBy(booted, ended);
  assert.ok(shown.includes("***"), shown);
  assertClean(shown);
});

test("an answer of a Sentinel, which repeats its own password and Redis'", OURS_ONLY, async () => {
  const listener = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.write(`-ERR unknown command, with args beginning with: 'other-pass' '${SECRET}' \r\n`));
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  after(() => listener.close());
  const sentinels = [{ host: "127.0.0.1", port: listener.address().port }];
  const booted = await bed.boot({
    redisUrl: "redis://127.0.0.1:1",
    redisOptions: { name: "shop", sentinels, sentinelPassword: "other-pass", password: SECRET },
  });
  const shown = await shownBy(
    booted,
    booted.locking.execute("k", async () => {}, { timeout: 1 }),
  );
  assert.ok(shown.includes("***") && !shown.includes("other-pass"), shown);
  assertClean(shown);
});

test("a login in the place of a host or of a socket's path is refused at boot, and not repeated", OURS_ONLY, async () => {
  const login = `user:${SECRET.replace("/", "")}@127.0.0.1`;
  const host = { host: login, port: 6379 };
  const redisUrl = "redis://127.0.0.1:1";
  for (const [options, name] of [
    [{ redisUrl, redisOptions: { host: login } }, "redisOptions.host"],
    [{ redisUrl, redisOptions: { host: `redis://${login}` } }, "redisOptions.host"],
    [{ redisUrl, redisOptions: { path: `redis://${login}:6379` } }, "redisOptions.path"],
    [{ redisUrl: "rediss://h", redisOptions: { tls: host } }, "redisOptions.tls.host"],
    [{ redisUrl, redisOptions: { name: "shop", sentinels: [host] } }, "redisOptions.sentinels[0].host"],
    [{ redisUrl, redisOptions: { name: "shop", sentinels: [{ host: "h" }], natMap: { "h:1": host } } }, 'redisOptions.natMap["h:1"].host'],
    [{ redisUrl, redisOptions: { name: "shop", sentinels: [{ host: "h" }], natMap: { [login]: host } } }, "redisOptions.natMap"],
    [{ cluster: { startupNodes: [host] } }, "cluster.startupNodes[0].host"],
    [{ cluster: { startupNodes: [{ host: `redis://${login}` }] } }, "cluster.startupNodes[0].host"],
    [{ cluster: { startupNodes: ["h"], natMap: { "h:1": host } } }, 'cluster.natMap["h:1"].host'],
    [{ redisUrl: `redis://${encodeURIComponent(login)}:6379` }, "redisUrl"],
    [{ redisUrl: `redis://user:1234?x=${login}` }, "redisUrl"],
  ]) {
    const error = await bed.bootWith({ providers: [providerEntry(options)] }).then(
      () => undefined,
      (failure) => failure,
    );
    const shown = inspect(error, { depth: 9 });
    assert.ok(shown.includes(`Option "${name}`), `${name}: ${shown}`);
    assertClean(shown);
    assert.doesNotMatch(shown, /user:/);
  }
});
