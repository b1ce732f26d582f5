// A client listens to all channels, so the number of receivers does not tell who is connected.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../harness/resp-client.mjs";
import { openTestbed } from "../support/testbed.mjs";
import { doctor } from "./support.mjs";

const bed = openTestbed({ args: ["--appendonly", "yes"] });

async function overhear() {
  const listener = await connect({ port: bed.server.port });
  await listener.command("PSUBSCRIBE", "*");
  return listener;
}

test("somebody who listens to all channels is a finding of its own, and the reason for polling", async (t) => {
  const url = `redis://127.0.0.1:${bed.server.port}`;
  assert.deepEqual((await doctor(["--url", url])).ids, ["instances-none"]);
  const listener = await overhear();
  t.after(() => listener.close());
  const { code, ids, find } = await doctor(["--url", url]);
  assert.deepEqual([code, ids], [1, ["channels-overheard", "instances-none", "mode-polling"]]);
  assert.match(find("channels-overheard").text, /^1 connection listens to all channels/);
  assert.match(find("channels-overheard").advice, /CLIENT LIST TYPE pubsub/);
  assert.match(find("mode-polling").text, /because somebody listens to all channels\.$/);
  // The cause is not a missing right.
  assert.equal(find("rights").level, "ok");
});

test("an instance that connects meanwhile polls, and its log says to end that and nothing of rights", async (t) => {
  const listener = await overhear();
  t.after(() => listener.close());
  const { logs } = await bed.boot();
  const [told, ...more] = logs.filter(({ level }) => level === "warn").map(({ text }) => text);
  assert.deepEqual(more, []);
  assert.match(told, /asking again and again.*counted as 2\. Another connection listens to all channels \(PSUBSCRIBE \*\)/);
  assert.doesNotMatch(told, /allow the Redis user/);
});
