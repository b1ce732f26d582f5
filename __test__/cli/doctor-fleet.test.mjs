// The doctor with instances that do not agree, and with the traces of crashed instances.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { decodeFrame, encodeCommand, FrameSplitter } from "../../harness/resp-frames.mjs";
import { NS, openTestbed, until } from "../support/testbed.mjs";
import { doctor, startInstance } from "./support.mjs";

const bed = openTestbed({ args: ["--appendonly", "yes"] });
const examined = () => doctor(["--url", bed.url]);

/** Starts a client in another language, as docs/PROTOCOL.md describes it (Census). It reports `facts` about itself. */
async function startForeign(t, facts) {
  const process = {
    id: "0123456789ab",
    host: "old-1",
    pid: 7,
    package: "0.0.1",
    node: "node 18.0.0",
    connection: null,
    mode: "hand-off",
    stuckMs: null,
    options: "",
  };
  const socket = net.connect({ host: "127.0.0.1", port: bed.server.port });
  t.after(() => socket.destroy());
  const splitter = new FrameSplitter();
  const subscribed = once(socket, "data");
  socket.on("data", (chunk) => {
    for (const frame of splitter.push(chunk)) {
      const [kind, , message] = decodeFrame(frame);
      if (kind !== "message") continue;
      const { reply } = JSON.parse(message).question;
      const answer = { v: 1, part: 0, parts: 1, process: { ...process, ...facts }, locks: [], waits: [], cut: false };
      bed.command("PUBLISH", reply, JSON.stringify(answer));
    }
  });
  socket.write(encodeCommand(["SUBSCRIBE", "mlr!?"]));
  await subscribed;
}

test("instances that agree", async () => {
  await Promise.all([startInstance(bed), startInstance(bed)]);
  const { code, ids, find } = await examined();
  assert.deepEqual([code, ids], [0, []]);
  assert.match(find("instances").text, /^2 instances of this package answer\.$/);
});

test("instances with other versions, options and modes", async (t) => {
  const ours = await startInstance(bed);
  await startForeign(t, { mode: "polling" });
  const { code, ids, find } = await examined();
  assert.deepEqual([code, ids], [1, ["instances-modes", "instances-options", "instances-versions"]]);
  assert.match(find("instances-versions").text, /0\.0\.1 \(old-1, pid 7\)/);
  assert.match(find("instances-versions").text, new RegExp(`pid ${ours.pid}\\)`));
  assert.match(find("instances-modes").text, /polling \(old-1, pid 7\)/);
});

test("an instance with another maximumStallMs is named with its options", async () => {
  await startInstance(bed);
  const other = await startInstance(bed, { maximumStallMs: 5_000 });
  const { code, ids, find } = await examined();
  assert.deepEqual([code, ids], [1, ["instances-options"]]);
  assert.match(find("instances-options").text, new RegExp(`maximumStallMs=5000 \\(.*, pid ${other.pid}\\)`));
});

test("a lock without an end whose holder cannot be known", async () => {
  await bed.command("SET", `${NS}for-ever`, "me");
  await bed.command("SET", `${NS}for-a-while`, "me", "PX", "60000");
  const { code, ids, find } = await examined();
  assert.deepEqual([code, ids], [1, ["instances-none", "lock-without-end"]]);
  assert.deepEqual(find("lock-without-end").keys, ["for-ever"]);
  assert.match(find("lock-without-end").text, /^1 lock is held without an end .*: for-ever\.$/);
});

test("clients that left a queue by a crash", async () => {
  const [holder, waiter] = await Promise.all([startInstance(bed), startInstance(bed)]);
  await holder.hold("k");
  await waiter.wait("k");
  await until("the waiter is in the queue", async () => (await bed.contents()).some(({ name }) => name.includes("}w:")));
  assert.deepEqual((await examined()).ids, []);
  await waiter.kill();
  await until("the server has noticed", async () => !(await bed.command("CLIENT", "LIST")).includes(`:${waiter.pid} `));
  const { code, ids, find } = await examined();
  assert.deepEqual([code, ids], [0, ["waiters-gone"]]);
  assert.deepEqual(find("waiters-gone").keys, ["k"]);
});
