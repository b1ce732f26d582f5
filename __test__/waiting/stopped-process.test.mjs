import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import { untilStopped } from "../../harness/process.mjs";
import { SIGNALS } from "../../harness/system.mjs";
import { openTestbed } from "../support/testbed.mjs";
import { startWaiters, untilWaiting } from "./support.mjs";

const bed = openTestbed();
const WAITERS = 15;

for (const [signal, what, options] of [
  ["SIGSTOP", "stopped", SIGNALS],
  ["SIGKILL", "killed", {}],
]) {
  test(`behind a ${what} process with fifteen waiters the next one is served`, options, async (t) => {
    const { locking } = await bed.boot();
    await locking.acquire("k", { ownerId: "holder", expire: 60 });
    const { child, served } = await startWaiters(bed, { key: "k", waiters: WAITERS });
    t.after(() => child.kill("SIGKILL"));
    await untilWaiting(bed, "k", 1);
    const next = locking.execute("k", async (_signal, lock) => lock.fencingTokens.k, { timeout: 15 });
    await untilWaiting(bed, "k", 2);
    child.kill(signal);
    if (signal === "SIGSTOP") await untilStopped(child.pid);
    await locking.release("k", { ownerId: "holder" });
    const token = await next;
    assert.deepEqual(served, []);
    if (signal === "SIGSTOP") {
      const told = [];
      child.on("message", (message) => message.outcomes && told.push(...message.outcomes));
      child.kill("SIGCONT");
      await once(child, "exit");
      assert.deepEqual(told, Array(WAITERS).fill("served"), "nobody is stranded");
      const tokens = [token, ...served];
      assert.deepEqual(
        tokens,
        tokens.toSorted((one, other) => one - other),
      );
    }
    assert.deepEqual(await bed.locks(), []);
  });
}
