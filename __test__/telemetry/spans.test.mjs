// The spans about locks that a real OpenTelemetry SDK gets.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OURS_ONLY, openTestbed, refused } from "../support/testbed.mjs";
import { api, startSdk } from "./support.mjs";

const bed = openTestbed();
let sdk;

before(() => {
  sdk = startSdk();
});
after(() => sdk.stop());

const parentOf = (span) => span.parentSpanContext?.spanId ?? span.parentSpanId;
const tracer = () => api.trace.getTracer("test");

test("a wait and a hold are children of the caller's span, and what the job does stands under the hold", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  let inner;
  const outer = await tracer().startActiveSpan("step", async (span) => {
    await locking.execute(
      "cart_1",
      async () => {
        inner = tracer().startSpan("query");
        inner.end();
      },
      { label: "complete-cart" },
    );
    span.end();
    return span;
  });
  const [[acquire], [hold]] = [sdk.spans("lock.acquire"), sdk.spans("lock.hold")];
  assert.equal(parentOf(acquire), outer.spanContext().spanId);
  assert.equal(parentOf(hold), outer.spanContext().spanId);
  assert.equal(parentOf(inner), hold.spanContext().spanId);
  for (const { attributes, status } of [acquire, hold]) {
    assert.deepEqual(attributes["lock.keys"], ["cart_1"]);
    assert.equal(attributes["lock.label"], "complete-cart");
    assert.equal(attributes["lock.key.kind"], "cart");
    assert.equal(status.code, api.SpanStatusCode.UNSET);
  }
  assert.match(hold.attributes["lock.owner"], /^execute:/);
});

test("a wait that fails has its code, and a named owner is named", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await locking.acquire("held_1", { ownerId: "first" });
  const long = "k".repeat(500);
  await refused(locking.acquire(["held_1", long], { ownerId: "second" }), { code: "LOCK_NOT_ACQUIRED" });
  const failed = sdk.spans("lock.acquire").at(-1);
  assert.equal(failed.status.code, api.SpanStatusCode.ERROR);
  assert.equal(failed.attributes["error.type"], "LOCK_NOT_ACQUIRED");
  assert.equal(failed.attributes["lock.owner"], "second");
  assert.ok(failed.attributes["lock.keys"][1].length <= 128);
});

test("a lock that is lost marks its hold, and a job's own error does not", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  await assert.rejects(
    locking.execute("own_1", async () => {
      throw new Error("mine");
    }),
    /mine/,
  );
  assert.equal(sdk.spans("lock.hold").at(-1).status.code, api.SpanStatusCode.UNSET);
  const lost = locking.execute("lost_1", async () => {
    await bed.command("DEL", "medusa_lock:lost_1");
  });
  await refused(lost, { code: "LOCK_LOST" });
  const { status, attributes } = sdk.spans("lock.hold").at(-1);
  assert.equal(status.code, api.SpanStatusCode.ERROR);
  assert.equal(attributes["error.type"], "LOCK_LOST");
});

test("the job sees its arguments, its result comes back, and a job that throws at once rejects", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  assert.equal(await locking.execute("a_1", async (_signal, lock) => lock.keys[0]), "a_1");
  assert.equal(await locking.execute([], async () => 7), 7);
  await assert.rejects(
    locking.execute("a_1", () => {
      throw new Error("at once");
    }),
    /at once/,
  );
  assert.equal(await bed.owner("medusa_lock:a_1"), null);
});
