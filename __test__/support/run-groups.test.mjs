import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { groups, partsOfTestAll, runAll } from "../../scripts/test-groups.mjs";

/** Runs them with groups that take a turn of the loop each. */
async function runNothing(names, groupOf, failing = []) {
  const running = new Set();
  const seen = [];
  const run = async (name) => {
    running.add(name);
    await turn();
    seen.push({ name, beside: [...running].filter((other) => other !== name) });
    running.delete(name);
    return { failed: failing.includes(name), text: "ran" };
  };
  const outcome = await runAll(names, { groupOf, run }).catch((error) => error);
  return { seen, outcome };
}

test("every group runs once, and waiting, faults and reach run with nothing beside them", async () => {
  const names = groups();
  const { seen, outcome } = await runNothing(names, (name) => name);
  assert.equal(outcome, undefined);
  assert.deepEqual(seen.map(({ name }) => name).sort(), [...names].sort());
  for (const { name, beside } of seen) {
    if (["waiting", "faults", "reach"].includes(name)) assert.deepEqual(beside, [], name);
    assert.ok(beside.length <= 1, `${name} beside ${beside}`);
  }
  assert.ok(seen.some(({ beside }) => beside.length === 1));
});

test("a group that waits for others is alone on the thread lane, too", async () => {
  const parts = partsOfTestAll();
  const { seen } = await runNothing(Object.keys(parts), (name) => parts[name].group);
  assert.deepEqual(seen.find(({ name }) => name === "thread:waiting").beside, []);
});

test("all groups run although one fails, and the error names it", async () => {
  const { seen, outcome } = await runNothing(["core", "edges", "waiting"], (name) => name, ["edges"]);
  assert.equal(seen.length, 3);
  assert.equal(outcome.message, "failed: edges");
});
