// Code that runs without a request when a real store is told to stop: a scheduled job and a subscriber, each under a lock.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startPostgres } from "../../harness/postgres.mjs";
import { startServer } from "../../harness/redis-servers.mjs";
import { installStore, migrateStore, OURS, StoreServer, storeEnvironment } from "../../harness/store-setup.mjs";

const BACKGROUND = fileURLToPath(new URL("./background", import.meta.url));
/** Only a guard. It is longer than jobs, drainTimeoutMs and Medusa's own end take together. */
const END_LIMIT_MS = 30_000;

let postgres;
let skip = !OURS && "differs in the official provider";
try {
  postgres = await startPostgres();
} catch (error) {
  if (!error.unavailable || process.env.CI === "true") throw error;
  skip = `no Postgres: ${error.message}`;
}

describe("a real store that is told to stop while a scheduled job and a subscriber hold locks", { skip, timeout: 420_000 }, () => {
  let redis;
  let server;
  let end;

  before(async () => {
    redis = await startServer();
    await installStore(BACKGROUND);
    const env = storeEnvironment({ databaseUrl: postgres.url, redisUrl: redis.url });
    await migrateStore(env);
    server = await StoreServer.start(env);
    await outputHas("scheduled began");
    await server.post("/background", {});
    await outputHas("subscribed began");
    // The scheduled job must run as well. Its turn comes every two seconds.
    const ended = () => server.output.split("scheduled ended").length;
    const began = () => server.output.split("scheduled began").length;
    const deadline = Date.now() + END_LIMIT_MS;
    while (began() === ended() && Date.now() < deadline) await sleep(5);
    end = await server.end("SIGTERM", END_LIMIT_MS);
  });

  after(async () => {
    await server?.end("SIGKILL", 0);
    await postgres?.stop();
    await redis?.stop();
  });

  async function outputHas(text) {
    const deadline = Date.now() + END_LIMIT_MS;
    while (!server.output.includes(text)) {
      assert.ok(Date.now() < deadline, `waited in vain for "${text}":\n${server.output}`);
      await sleep(20);
    }
  }

  it("ends by itself with exit code 0", () => {
    assert.deepEqual({ code: end.code, signal: end.signal }, { code: 0, signal: null }, server.output);
  });

  for (const what of ["scheduled", "subscribed"]) {
    it(`lets what was ${what} reach its end under its lock`, () => {
      const count = (text) => server.output.split(`${what} ${text}`).length;
      assert.equal(count("ended"), count("began"), server.output);
    });
  }

  it("leaves no lock behind", async () => {
    assert.deepEqual(await redis.cli("KEYS", "medusa_lock:*"), []);
  });
});
