// Operators' questions after a failover.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openInspector } from "../census/support.mjs";
import { OURS_ONLY, openTestbed, until } from "../support/testbed.mjs";
import { asking, openGroup } from "./support.mjs";

const bed = openTestbed();
const group = await openGroup();

async function answersNow() {
  const inspector = openInspector(asking(group));
  const { answers = [] } = await inspector.ask(null, 300);
  inspector.close();
  return answers;
}

test("after a failover a process answers at the new master", OURS_ONLY, async () => {
  await bed.boot(asking(group, { failoverDetector: true }));
  await until("it answers", async () => (await answersNow()).length === 1);
  const old = await group.failOver();
  await group.demoted(old);
  await until("it answers again", async () => (await answersNow()).length === 1);
  const [{ process: told }] = await answersNow();
  assert.equal(told.pid, process.pid);
});
