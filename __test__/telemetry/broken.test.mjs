// A shop's own part of OpenTelemetry throws. Calls and their locks work as without it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requireInstalled } from "../../harness/installed.mjs";
import { openLocks } from "../standalone/support.mjs";
import { OURS_ONLY, refused } from "../support/testbed.mjs";
import { api } from "./support.mjs";

const { NodeTracerProvider } = requireInstalled("@opentelemetry/sdk-trace-node");
const { bed, client } = openLocks();

/** Registers a span processor during `work`. One of its methods throws. */
async function withProcessor(throwing, work) {
  const fail = () => {
    throw new Error(`${throwing} of the shop failed`);
  };
  const nothing = async () => {};
  const processor = { onStart() {}, onEnd() {}, forceFlush: nothing, shutdown: nothing, [throwing]: fail };
  const tracing = new NodeTracerProvider({ spanProcessors: [processor] });
  tracing.register();
  try {
    await work();
  } finally {
    await tracing.shutdown();
    api.trace.disable();
    api.context.disable();
  }
}

for (const throwing of ["onStart", "onEnd"]) {
  test(`a span processor that throws in ${throwing} costs no call, leaves no lock, and is told once`, OURS_ONLY, async () => {
    const lines = [];
    const locks = client({ logger: { ...console, warn: (text) => lines.push(text), info() {} } });
    await withProcessor(throwing, async () => {
      assert.equal(await locks.withLock("cart_1", () => "done"), "done");
      await assert.rejects(
        locks.withLock("cart_1", () => Promise.reject(new Error("the job's own"))),
        /the job's own/,
      );
      const lock = await locks.acquire("cart_1");
      await refused(
        locks.withLock("cart_1", { waitMs: 5 }, () => {}),
        { code: "LOCK_TIMEOUT" },
      );
      await lock.release();
    });
    assert.equal(locks.stats().held, 0);
    assert.deepEqual(await bed.owners(), {});
    const told = lines.filter((text) => text.includes("OpenTelemetry failed"));
    assert.equal(told.length, 1, lines.join("\n"));
    assert.match(told[0], new RegExp(`${throwing} of the shop failed`));
  });
}
