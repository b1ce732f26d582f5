import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import test from "node:test";
import { NS, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

const CALLS = 5_000;

test("calls that share a signal listen to it once, are all withdrawn by it, and then not at all", async () => {
  const { locking } = await bed.boot();
  await bed.command("SET", `${NS}k`, "somebody");
  const controller = new AbortController();
  const { signal } = controller;
  const reason = new Error("enough");
  const calls = Array.from({ length: CALLS }, () => locking.execute("k", () => assert.fail("the job ran"), { timeout: 600, signal }));
  assert.equal(getEventListeners(signal, "abort").length, 1);
  controller.abort(reason);
  for (const call of await Promise.allSettled(calls)) assert.equal(call.reason, reason);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("a signal is forgotten once the last of its calls is answered", async () => {
  const { locking } = await bed.boot();
  const { signal } = new AbortController();
  await Promise.all(["a", "b"].map((key) => locking.execute(key, async () => {}, { signal })));
  assert.equal(getEventListeners(signal, "abort").length, 0);
  await locking.execute("a", async () => {}, { signal });
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
