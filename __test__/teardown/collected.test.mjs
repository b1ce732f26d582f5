import assert from "node:assert/strict";
import test from "node:test";
import { messageOf } from "../support/children.mjs";
import { openTestbed, until } from "../support/testbed.mjs";
import { play } from "./support.mjs";

const bed = openTestbed();

async function connections() {
  return (await bed.command("CLIENT", "LIST")).trim().split("\n").length - 1;
}

test("providers that nobody uses any more are collected, and their connections closed", async () => {
  const { child, ended } = play(["collected", bed.url], ["--expose-gc"]);
  await messageOf(child);
  await until("most are gone", async () => {
    child.send("collect");
    await messageOf(child);
    return (await connections()) < 30;
  });
  child.send("end");
  const { code, signal, output } = await ended;
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, output);
});

test("two thousand providers made and shut down leave no connection and no growth behind", async () => {
  const { code, output } = await play(["cycles", bed.url], ["--expose-gc"]).ended;
  assert.equal(code, 0, output);
  const { rss } = JSON.parse(output);
  // The first thousand warms up. A leak of one connection's buffers alone would be 64 MiB for each thousand.
  const growthMiB = (rss[1] - rss[0]) / 2 ** 20;
  assert.ok(growthMiB < 40, `the second thousand cost ${growthMiB.toFixed(1)} MiB`);
  assert.equal(await connections(), 0);
});
