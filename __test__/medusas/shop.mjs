// A shop on the Medusa that MLR_INSTALLED names. It boots the real Locking Module on the Redis of its first argument, and uses all of it.

import assert from "node:assert/strict";
import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";

const [redisUrl, knowsPrefix] = process.argv.slice(2);

const booted = await bootLocking({ providers: [providerEntry({ redisUrl })] });
const { locking } = booted;
assert.match(booted.logText, /Connection to Redis in "locking-redis" provider established/);
for (const provider of [undefined, "locking-redis", ...(knowsPrefix === "true" ? ["lp_locking-redis"] : [])]) {
  const named = provider ? { provider } : {};
  await locking.acquire(["a", "b"], { ownerId: "me", expire: 60, ...named });
  await assert.rejects(locking.acquire("b", { ownerId: "other", ...named }), /Failed to acquire lock for key "b"/);
  assert.equal(await locking.release(["a", "b"], { ownerId: "me", ...named }), true);
  const token = await locking.execute("a", async (_signal, lock) => lock.fencingTokens.a, { timeout: 5, ...named });
  assert.equal(typeof token, "number");
  await locking.acquire("a", { ownerId: "me", ...named });
  await locking.releaseAll({ ownerId: "me", ...named });
  assert.equal(await locking.execute("a", async () => "free", { timeout: 1, ...named }), "free");
}
// The provider is told of the application's end, and lets a job end first.
let reached = false;
const job = locking.execute("a", async () => {
  await new Promise((resolve) => setTimeout(resolve, 200));
  reached = true;
});
await new Promise((resolve) => setTimeout(resolve, 50));
await booted.endApplication();
assert.equal(reached, true);
await job;
await assert.rejects(locking.acquire("a"), { code: "PROVIDER_CLOSED" });
console.log("done");
