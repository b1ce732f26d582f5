import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { bootLocking, providerEntry, recordingLogger } from "../../harness/locking-module.mjs";
import { exceptOn, NS, OURS_ONLY, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

const SECRET = "hunter2";

const MALFORMED = [
  "redis://:99999",
  "redis://127.0.0.1:99999",
  "redis://127.0.0.1:port",
  "redis://127.0.0.1/database",
  "redis://127.0.0.1/-1",
  "redis://127.0.0.1/1.5",
  "redis://us%er@127.0.0.1",
  "redis://[::1",
  "redis://a b",
  "http://127.0.0.1:6379",
  "postgres://127.0.0.1:5432/shop",
  "rediss://127.0.0.1:6379?tls=false",
  "redis://127.0.0.1:6379?tls=maybe",
  "redis://h1:6379,h2:6379",
  "127.0.0.1:6379/2",
  "unix://run/redis.sock",
  "redis:///run/redis.sock",
  "redis+sentinel://127.0.0.1:26379",
  "  ",
];

/** The same mistakes, and some more, with a login in front. */
const WITH_SECRET = [
  ...MALFORMED.filter((url) => /^[a-z+]+:\/\/[^/]/.test(url) && !url.includes("@")).map((url) => url.replace("://", `://user:${SECRET}@`)),
  `redis://user:${SECRET}#x@127.0.0.1`,
  `redis://user:${SECRET}/x@127.0.0.1`,
  `redis://user:${SECRET}%zz@127.0.0.1:6379`,
  `user:${SECRET}@127.0.0.1:6379/2`,
  `redis://user:1?${SECRET}@127.0.0.1:6379`,
  `redis://user:1#${SECRET}@127.0.0.1:6379`,
  `unix://:${SECRET}@/run/redis.sock`,
  `http://127.0.0.1/?password=${SECRET}`,
  `redis://127.0.0.1:x/?password=${SECRET}`,
];

for (const url of MALFORMED) {
  test(`redisUrl ${JSON.stringify(url)} fails the boot with an error that names redisUrl`, OURS_ONLY, async () => {
    const { error } = await failedBoot(url);
    assert.match(error.message, /redisUrl/);
  });
}

for (const url of WITH_SECRET) {
  test(`no message or log shows the password of ${JSON.stringify(url.replace(SECRET, "<password>"))}`, OURS_ONLY, async () => {
    const { error, logs } = await failedBoot(url);
    assert.doesNotMatch(`${error?.message} ${inspect(error, { depth: 8 })} ${inspect(logs, { depth: 8 })}`, new RegExp(SECRET));
  });
}

test("valkey:// is redis://", OURS_ONLY, async () => {
  const { locking } = await bed.boot({ redisUrl: `valkey://127.0.0.1:${bed.server.port}/0` });
  await locking.acquire("k", { ownerId: "me" });
  assert.equal(await bed.owner(`${NS}k`), "me");
});

const QUERY = exceptOn("cluster", "one node's URL says nothing about the others", OURS_ONLY);

test("options in the URL's query are taken", QUERY, async () => {
  const { locking } = await bed.boot({ redisUrl: `redis://127.0.0.1:${bed.server.port}?keyPrefix=shop:` });
  await locking.acquire("k", { ownerId: "me" });
  assert.deepEqual(await bed.owners(), { [`shop:${NS}k`]: "me" });
});

test("wrong options in redisOptions never show a password that stands beside them", OURS_ONLY, async () => {
  for (const redisOptions of [
    { password: { secret: SECRET } },
    { password: SECRET, port: "x" },
    { password: SECRET, tls: { key: SECRET } },
    { tls: { cert: SECRET, key: SECRET, passphrase: SECRET } },
    { tls: SECRET },
    { tls: { ca: SECRET } },
    { password: [SECRET] },
  ]) {
    const { error, logs } = await failedBoot("redis://127.0.0.1", redisOptions);
    assert.doesNotMatch(`${inspect(error, { depth: 8 })} ${inspect(logs, { depth: 8 })}`, new RegExp(SECRET));
  }
});

async function failedBoot(redisUrl, redisOptions) {
  const { logger, logs } = recordingLogger();
  let booted;
  try {
    booted = await bootLocking({ providers: [providerEntry({ redisUrl, ...(redisOptions && { redisOptions }) })], logger });
  } catch (error) {
    delete error.logs;
    return { error, logs };
  }
  await booted.shutdown();
  return assert.fail(`the boot should have failed; it logged ${inspect(logs)}`);
}
