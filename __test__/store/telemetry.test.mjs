// A store's traces, by Medusa's own registerOtel and OTLP. A wait for a lock appears under the workflow step that asked for the lock.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { startPostgres } from "../../harness/postgres.mjs";
import { startServer } from "../../harness/redis-servers.mjs";
import { installStore, migrateStore, OURS, StoreServer, storeEnvironment } from "../../harness/store-setup.mjs";
import { until } from "../support/testbed.mjs";

let postgres;
let skip = !OURS && "the official provider has no traces";
try {
  postgres = skip ? undefined : await startPostgres();
} catch (error) {
  if (!error.unavailable || process.env.CI === "true") throw error;
  skip = `no Postgres: ${error.message}`;
}

describe("a store that is traced", { skip, timeout: 420_000 }, () => {
  const spans = [];
  let collector;
  let redis;
  let store;

  before(async () => {
    collector = http.createServer(async (request, response) => {
      const parts = [];
      for await (const part of request) parts.push(part);
      if (request.url === "/v1/traces") {
        const { resourceSpans } = JSON.parse(Buffer.concat(parts).toString());
        spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      }
      response.setHeader("content-type", "application/json").end("{}");
    });
    collector.listen(0, "127.0.0.1");
    await once(collector, "listening");
    redis = await startServer();
    await installStore(fileURLToPath(new URL("nested", import.meta.url)));
    const env = storeEnvironment({ databaseUrl: postgres.url, redisUrl: redis.url });
    await migrateStore(env);
    store = await StoreServer.start({
      ...env,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.address().port}`,
      OTEL_METRICS_EXPORTER: "none",
      OTEL_LOGS_EXPORTER: "none",
    });
  });

  after(async () => {
    await store?.end("SIGKILL", 0);
    await postgres.stop();
    await redis?.stop();
    collector?.close();
  });

  const parentOf = (span) => spans.find(({ spanId }) => spanId === span.parentSpanId);
  const attribute = (span, name) => span.attributes.find(({ key }) => key === name)?.value;

  it("shows lock.acquire of Medusa's acquireLockStep under the span of that step", async () => {
    const { status, body } = await store.post("/lock/core-flows", { section: "core-flows", holdMs: 5 });
    assert.equal(status, 200, JSON.stringify(body));
    const acquire = await until("the wait is told", () => spans.find((span) => span.name === "lock.acquire" && parentOf(span)));
    assert.match(parentOf(acquire).name, /^step:acquire-lock-step/);
    assert.deepEqual(attribute(acquire, "lock.keys").arrayValue.values, [{ stringValue: "cart_123" }]);
  });

  it("shows a workflow in a workflow that waits for itself: who holds the key, and under which steps", async () => {
    const { status, body } = await store.post("/lock/nested", {});
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.code, "LOCK_TIMEOUT");
    assert.match(body.cause, /^Key "cart_nested" is held by this process, for .* s \("nested-outer"\)\.$/);
    const nested = (name) =>
      spans.filter((span) => span.name === name && attribute(span, "lock.keys")?.arrayValue.values[0].stringValue === "cart_nested");
    await until("the outer hold is told", () => nested("lock.hold").length === 1 && parentOf(nested("lock.hold")[0]));
    const failed = nested("lock.acquire").find((span) => span.status.code === 2);
    assert.match(parentOf(failed).name, /^step:nested-inner-step/);
    assert.match(parentOf(nested("lock.hold")[0]).name, /^step:nested-outer-step/);
  });
});
