import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { runTwoAtATime } from "../../harness/two-at-a-time.mjs";

const NAMES = ["one", "alone", "two", "three", "alone too", "four"];

/** Runs parts that take one turn of the event loop each. */
async function runNothing(failing = []) {
  const running = new Set();
  const seen = [];
  const run = async (name) => {
    running.add(name);
    await turn();
    seen.push({ name, beside: [...running].filter((other) => other !== name) });
    running.delete(name);
    return { failed: failing.includes(name), text: "ran" };
  };
  const outcome = await runTwoAtATime(NAMES, { isAlone: (name) => name.startsWith("alone"), run }).catch((error) => error);
  return { seen, outcome };
}

test("every part runs once, two at a time, and nothing beside one that wants the machine to itself", async () => {
  const { seen, outcome } = await runNothing();
  assert.equal(outcome, undefined);
  assert.deepEqual(seen.map(({ name }) => name).sort(), [...NAMES].sort());
  for (const { name, beside } of seen) assert.ok(beside.length <= (name.startsWith("alone") ? 0 : 1), `${name} beside ${beside}`);
  assert.ok(seen.some(({ beside }) => beside.length === 1));
});

test("all parts run although one fails, and the error names it", async () => {
  const { seen, outcome } = await runNothing(["two"]);
  assert.equal(seen.length, NAMES.length);
  assert.equal(outcome.message, "failed: two");
});
