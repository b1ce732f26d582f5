// TLS in processes and threads of their own: settings of the environment, the thread lane, and the end of threads.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openTestbed, until } from "../support/testbed.mjs";
import { play } from "../teardown/support.mjs";
import { openTlsBed } from "./support.mjs";

openTestbed();
const tls = await openTlsBed();
const redis = await tls.start();

/** Trusts the tests' authority by the environment, like users who cannot change the options. */
const TRUSTING = { NODE_EXTRA_CA_CERTS: tls.certificates.file("ca") };
const THREAD = { MEDUSA_LOCKING_LANE: "thread" };

/** Plays a scene of ../teardown/child.mjs to its end, on the server that speaks TLS. */
function ends(scene, env) {
  return play([scene, redis.url], [], env).ended;
}

for (const [lane, env] of Object.entries({ loop: {}, thread: THREAD })) {
  test(`the authorities in the file that NODE_EXTRA_CA_CERTS names are trusted (${lane})`, async () => {
    const { code, output } = await ends("idle", { ...TRUSTING, ...env });
    assert.deepEqual({ code, output: output.trim() }, { code: 0, output: "idle" });
  });

  test(`NODE_TLS_REJECT_UNAUTHORIZED=0 takes any certificate (${lane})`, async () => {
    const { code, output } = await ends("idle", { NODE_TLS_REJECT_UNAUTHORIZED: "0", ...env });
    assert.equal(code, 0, output);
    assert.match(output, /^idle$/m);
  });

  test(`threads that use TLS come and go (${lane})`, async () => {
    const { code, signal, output } = await ends("workers", { ...TRUSTING, ...env });
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, output);
    await until("every connection is closed", async () => (await redis.server.cli("CLIENT", "LIST")).trim().split("\n").length === 1);
  });

  test(`a process that ends leaves its locks with two seconds at most (${lane})`, async () => {
    await redis.server.cli("FLUSHALL");
    const { ended, said } = play(["ending", redis.url, "exit"], [], { ...TRUSTING, ...env });
    await said("holding");
    const { code, output } = await ended;
    assert.equal(code, 0, output);
    for (const name of await redis.server.cli("KEYS", "medusa_lock:*")) {
      const left = await redis.server.cli("PTTL", name);
      assert.ok(left <= 2_000 && left !== -1, `${name} has ${left} ms left`);
    }
  });
}

test("thousands of calls at once over TLS in the thread lane", async () => {
  const { code, signal, output } = await ends("both", { ...TRUSTING, ...THREAD });
  assert.deepEqual({ code, signal, output: output.trim() }, { code: 0, signal: null, output: "done" });
});
