// Metrics and spans arrive at a collector, by OTLP over HTTP, from a process that registers the SDK after its client was made.

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { placeOf } from "../standalone/support.mjs";
import { messageOf } from "../support/children.mjs";
import { OURS_ONLY, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

/** Starts a collector that keeps the bodies of its requests, by path. */
async function startCollector() {
  const bodies = { "/v1/traces": [], "/v1/metrics": [] };
  const server = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    bodies[request.url]?.push(JSON.parse(Buffer.concat(parts).toString()));
    response.setHeader("content-type", "application/json").end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, bodies };
}

test("a collector is sent the spans and the metrics", OURS_ONLY, async () => {
  const collector = await startCollector();
  const script = fileURLToPath(new URL("exporting.mjs", import.meta.url));
  const child = fork(script, [JSON.stringify({ options: placeOf(bed), url: collector.url })]);
  assert.equal(await messageOf(child), "flushed");
  const spans = collector.bodies["/v1/traces"].flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap((scope) => scope.spans.map((span) => ({ ...span, scope: scope.scope.name }))),
    ),
  );
  const ours = spans.filter(({ scope }) => scope === "medusa-locking-redis").map(({ name }) => name);
  assert.deepEqual(ours.sort(), ["lock.acquire", "lock.hold"]);
  const step = spans.find(({ name }) => name === "step");
  assert.ok(spans.filter(({ scope }) => scope === "medusa-locking-redis").every(({ parentSpanId }) => parentSpanId === step.spanId));
  const metrics = collector.bodies["/v1/metrics"].flatMap(({ resourceMetrics }) =>
    resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics)),
  );
  const names = new Set(metrics.map(({ name }) => name));
  for (const name of ["lock.wait.duration", "lock.hold.duration", "lock.acquisitions", "lock.connection.up", "lock.reconnects"]) {
    assert.ok(names.has(name), name);
  }
  child.disconnect();
});
