// The cost of telemetry while nobody wants it: none of its functions runs. V8 itself counts the calls.

import assert from "node:assert/strict";
import { Session } from "node:inspector/promises";
import { test } from "node:test";
import { openLocks } from "../standalone/support.mjs";
import { OURS_ONLY, refused } from "../support/testbed.mjs";
import { pointOf, startMetrics } from "./support.mjs";

const { client } = openLocks();

/** How often functions of the package's telemetry were called during `work`. */
async function callsDuring(work) {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  await work();
  const { result } = await session.post("Profiler.takePreciseCoverage");
  session.disconnect();
  const files = result.filter(({ url }) => /provider[\\/]dist[\\/]telemetry[\\/]/.test(url));
  return files
    .flatMap(({ functions }) => functions)
    .reduce((sum, { functionName, ranges }) => sum + (functionName ? ranges[0].count : 0), 0);
}

async function useOf(locks) {
  for (let i = 0; i < 20; i++) await locks.withLock(`cart_${i}`, () => {});
  const lock = await locks.acquire("cart_1");
  await refused(
    locks.withLock("cart_1", { waitMs: 5 }, () => {}),
    { code: "LOCK_TIMEOUT" },
  );
  await lock.release();
}

test("no function of telemetry runs while nothing is registered, and they do as soon as something is", OURS_ONLY, async () => {
  const locks = client();
  await locks.ready();
  assert.equal(await callsDuring(() => useOf(locks)), 0);
  // The SDK comes after the client was made.
  const metrics = startMetrics();
  try {
    assert.ok((await callsDuring(() => useOf(locks))) > 0);
    const told = await metrics.collect();
    assert.equal(pointOf(told["lock.acquisitions"], { "lock.key.kind": "cart", "lock.outcome": "held" }), 21);
    const without = client({ telemetry: false });
    assert.equal(await callsDuring(() => useOf(without)), 0);
  } finally {
    await metrics.stop();
  }
});
