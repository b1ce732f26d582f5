// The resource's side of a fencing token: the database refuses a holder that lost its lock without noticing.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startPostgres } from "../../harness/postgres.mjs";
import { startServer } from "../../harness/redis-servers.mjs";
import { installStore, migrateStore, OURS, StoreServer, storeEnvironment } from "../../harness/store-setup.mjs";

let postgres;
let skip = !OURS && "the official provider has no tokens";
try {
  postgres = skip ? undefined : await startPostgres();
} catch (error) {
  if (!error.unavailable || process.env.CI === "true") throw error;
  skip = `no Postgres: ${error.message}`;
}

describe("a store that writes with fencing tokens", { skip, timeout: 420_000 }, () => {
  let redis;
  let store;

  before(async () => {
    redis = await startServer();
    await installStore();
    const env = storeEnvironment({ databaseUrl: postgres.url, redisUrl: redis.url });
    await migrateStore(env);
    store = await StoreServer.start(env);
  });

  after(async () => {
    await store?.end("SIGKILL", 0);
    await postgres.stop();
    await redis?.stop();
  });

  const row = async () => (await postgres.query("select quantity, fence from stock_level where sku = 'shirt'"))[0];

  it("takes the writes of one holder after the other", async () => {
    const fences = [];
    for (const quantity of [9, 8]) {
      const { status, body } = await store.post("/stock/shirt", { quantity, thinkMs: 0 });
      assert.equal(status, 200, JSON.stringify(body));
      const [written, fence] = await row();
      assert.equal(Number(written), quantity);
      fences.push(Number(fence));
    }
    assert.ok(fences[1] > fences[0]);
  });

  it("refuses a holder whose lock went to somebody else, and keeps what that one wrote", async () => {
    const late = store.post("/stock/shirt", { quantity: 100, thinkMs: 3_000 });
    const deadline = Date.now() + 10_000;
    while ((await redis.cli("DEL", "medusa_lock:shirt")) !== 1) {
      assert.ok(Date.now() < deadline, "the lock is held");
      await sleep(5);
    }
    const { status } = await store.post("/stock/shirt", { quantity: 7, thinkMs: 0 });
    assert.equal(status, 200);
    const answer = await late;
    assert.equal(answer.status, 409, JSON.stringify(answer.body));
    assert.equal(Number((await row())[0]), 7, "the late write would have made it 100");
  });

  it("tells of a product that there is not", async () => {
    const { status } = await store.post("/stock/none", { quantity: 1, thinkMs: 0 });
    assert.equal(status, 409);
  });
});
