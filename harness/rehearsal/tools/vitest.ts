// A shop's test under vitest, without any configuration. REDIS_URL is the address of Redis.

import provider from "medusa-locking-redis";
import { createLocks, type Lock } from "medusa-locking-redis/client";
import { expect, test } from "vitest";
import { play } from "./shop.play.cjs";

test("the provider locks", async () => {
  expect(await play(provider, process.env.REDIS_URL)).toBe("locked");
});

test("locks without Medusa", async () => {
  const locks = createLocks({ url: process.env.REDIS_URL });
  expect(await locks.withLock("vitest", async (lock: Lock) => typeof lock.fencingToken)).toBe("number");
  await locks.close();
});
