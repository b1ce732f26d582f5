import assert from "node:assert/strict";
import test from "node:test";
import { openTestbed, until } from "../support/testbed.mjs";
import { play } from "./support.mjs";

const bed = openTestbed();

test("worker threads come and go in a process whose main thread never loads the addon", async () => {
  const { code, signal, output } = await play(["workers", bed.url]).ended;
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, output);
  // The exit code is 1 after terminate(), 3 after process.exit(3), and 0 after a normal end.
  assert.deepEqual(JSON.parse(output), [1, 3, 0, 1, 3, 0, 1, 3, 0, 1]);
  await until("every connection is closed", async () => (await bed.command("CLIENT", "LIST")).trim().split("\n").length === 1);
});

test("the main thread goes on while workers that use the addon end", async () => {
  const { code, signal, output } = await play(["both", bed.url]).ended;
  assert.deepEqual({ code, signal, output: output.trim() }, { code: 0, signal: null, output: "done" });
});

test("a worker that ends while it holds locks leaves them with two seconds at most", async () => {
  await play(["workers", bed.url]).ended;
  for (const row of await bed.locks()) assert.ok(row.pttl <= 2_000, `${row.name} has ${row.pttl} ms left`);
});
