// How a redisUrl is read. The boot's errors about URLs that cannot be read are tested in conformance/redis-url.test.mjs.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { ROOT } from "../../harness/paths.mjs";
import { UNIX_SOCKETS } from "../../harness/system.mjs";
import { parse, refusal } from "./support.mjs";

const { Redis } = createRequire(path.join(ROOT, "package.json"))("ioredis");

const ON_WINDOWS = process.platform === "win32";

const READ_AS_IOREDIS_DOES = [
  "6380",
  "localhost",
  "localhost:6380",
  "redis:6380",
  "h:6380?db=2",
  "user:pw@h:6380",
  ":pw@h",
  "redis://",
  "redis://h",
  "redis://h:6380/2",
  "redis://h/2/",
  "redis:///2",
  "redis://:pw@h",
  "redis://user@h",
  "redis://user:p%40ss%3Aw@h:1/1",
  "redis://user:p@ss@h",
  "redis://[::1]:6380/1",
  "redis://0.0.0.0",
  "redis://HOST.Example",
  "redis://h?family=6",
  "redis://h/1?db=5&password=q&keyPrefix=a:",
  "redis://user@h?password=q",
  "redis://h?password=q@r&connectionName=a@b",
  "redis://h?db=7&db=8",
  "redis://h#insecure",
  "//:pw@h:6380/3",
  "rediss://user:pw@h:6380/4",
];

for (const url of READ_AS_IOREDIS_DOES) {
  test(`${url} is read as ioredis reads it`, () => {
    const { options } = new Redis(url, { lazyConnect: true });
    const { host, port, family, username, password, database, prefix, tls } = parse(url);
    assert.deepEqual(
      { host, port, family, username, password, database, prefix, tls: Boolean(tls) },
      {
        host: options.host,
        port: options.port,
        family: options.family,
        username: options.username || undefined,
        password: options.username || options.password ? options.password : undefined,
        database: options.db,
        prefix: `${options.keyPrefix}medusa_lock:`,
        tls: Boolean(options.tls),
      },
    );
  });
}

const SOCKETS = {
  "/run/redis.sock": { path: "/run/redis.sock" },
  "/run/redis.sock?db=2&password=x": { path: "/run/redis.sock", database: 2, password: "x" },
  "/run/a%20b.sock": { path: "/run/a%20b.sock" },
  "unix:///run/redis.sock": { path: "/run/redis.sock" },
  "unix:/run/redis.sock": { path: "/run/redis.sock" },
  "unix:///run/a%20b.sock?db=3&username=u&password=x": { path: "/run/a b.sock", database: 3, username: "u", password: "x" },
  "redis+unix:///run/redis.sock": { path: "/run/redis.sock" },
  "valkey+unix:///run/redis.sock": { path: "/run/redis.sock" },
  "/run/redis.sock?tls=true": { path: "/run/redis.sock", tls: true },
};

for (const [url, expected] of Object.entries(SOCKETS)) {
  test(`${url} is a Unix socket`, UNIX_SOCKETS, () => {
    const { path: socket, database, username, password, tls } = parse(url);
    const nothing = { database: 0, username: undefined, password: undefined, tls: false };
    assert.deepEqual({ path: socket, database, username, password, tls: Boolean(tls) }, { ...nothing, ...expected });
  });
}

test("a Unix socket is refused on Windows", { skip: !ON_WINDOWS }, () => {
  assert.match(refusal("/run/redis.sock").message, /not supported on Windows/);
});

test("the scheme says whether it is TLS, in any case", () => {
  for (const url of ["rediss://h", "REDISS://h", "valkeys://h", "redis://h?tls=true", "valkey://h?tls=true", "rediss://h?tls=true"]) {
    assert.equal(parse(url).tls?.trust, "full", url);
  }
  for (const url of ["redis://h", "REDIS://h", "valkey://h", "redis://h?tls=false"]) {
    assert.equal(parse(url).tls, undefined, url);
  }
});

test("options in the query are of their option's type", () => {
  const query = "connectTimeout=100&maxRetriesPerRequest=3&keepAlive=200&enableReadyCheck=false&noDelay=true&lazyConnect=false&protocol=2";
  const { connectTimeoutMs, mostReconnects, keepAliveMs, readyCheck, noDelay, resp3, warnings } = parse(`redis://h?${query}`);
  assert.deepEqual([connectTimeoutMs, mostReconnects, keepAliveMs, readyCheck, noDelay, resp3], [100, 3, 200, false, true, false]);
  assert.deepEqual(warnings, []);
});

test("a URL that ioredis would read as another one is refused", () => {
  const forms = {
    "h:6380/3": /write redis:\/\//,
    "localhost/2": /write redis:\/\//,
    "http://h:1/2": /expected redis:\/\//,
    "redis+sentinel://h/group": /expected redis:\/\//,
    "unix://run/redis.sock": /three slashes/,
    "unix://": /three slashes/,
    "?db=2": /names no host/,
    "redis:///run/redis.sock": /whole number/,
    "rediss://h?tls=false": /tls=false/,
    "redis://h?tls=RedisCloudFixed": /true or false/,
    "redis://h?protocol=resp3": /protocol/,
    "redis://h?connectTimeout=soon": /connectTimeout/,
    "redis://user:123?secret@h": /percent-encoded/,
    "redis://user:123#secret@h": /percent-encoded/,
    "redis://user:1234?x=secret@h": /percent-encoded/,
    "redis://user:1234?x=secret&y@h": /percent-encoded/,
    "redis://u%3Asecret%40h:6379": /with a @ or \//,
  };
  for (const [url, text] of Object.entries(forms)) {
    const error = refusal(url);
    assert.equal(error?.code, "INVALID_OPTION", url);
    assert.match(error.message, /redisUrl/);
    assert.match(error.message, text);
    assert.doesNotMatch(inspect(error), /secret/);
  }
});

test("a parameter that is no option is warned of without its name, which may be a piece of a password", () => {
  assert.deepEqual(parse("redis://h?hunter2=x").warnings, ["redisUrl has a query parameter that is not an ioredis option, ignored."]);
});
