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

test("the rest of the event loop has its turns while very many results are told", async () => {
  const { locking } = await bed.boot();
  await bed.command("SET", `${NS}k`, "somebody");
  const controller = new AbortController();
  const job = () => assert.fail("the job ran");
  const calls = Array.from({ length: 4 * CALLS }, () => locking.execute("k", job, { timeout: 600, signal: controller.signal }));
  let told = 0;
  let turnsBetween = 0;
  const watch = setInterval(() => {
    if (told > 0 && told < calls.length) turnsBetween += 1;
  });
  const settled = Promise.all(calls.map((call) => call.catch(() => (told += 1))));
  controller.abort();
  await settled;
  clearInterval(watch);
  assert.ok(turnsBetween > 0, "a timer fired between the first result and the last");
});

test("a signal is forgotten once the last of its calls is answered", async () => {
  const { locking } = await bed.boot();
  const { signal } = new AbortController();
  await Promise.all(["a", "b"].map((key) => locking.execute(key, async () => {}, { signal })));
  assert.equal(getEventListeners(signal, "abort").length, 0);
  await locking.execute("a", async () => {}, { signal });
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
