// A shop's test under jest, without any configuration. REDIS_URL is the address of Redis.

const { expect, test } = require("@jest/globals");
const provider = require("medusa-locking-redis");
const { createLocks } = require("medusa-locking-redis/client");
const { play } = require("./shop.play.cjs");

test("the provider locks", async () => {
  expect(await play(provider, process.env.REDIS_URL)).toBe("locked");
});

test("locks without Medusa", async () => {
  const locks = createLocks({ url: process.env.REDIS_URL });
  expect(await locks.withLock("jest", async (lock) => typeof lock.fencingToken)).toBe("number");
  await locks.close();
});
