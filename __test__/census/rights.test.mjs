// A user of Redis that may listen for messages about locks, but not for operators' questions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NS, openTestbed, until } from "../support/testbed.mjs";

const bed = openTestbed();

test("a process that may not hear questions says so once in the log, and its locks are handed over all the same", async () => {
  await bed.command("ACL", "SETUSER", "unasked", "on", ">pw", `~${NS}*`, "~mlr!*", "resetchannels", "&mlr![^?]*", "+@all");
  const booted = await bed.boot({ redisUrl: `redis://unasked:pw@127.0.0.1:${bed.server.port}` });
  const told = () => booted.logs.filter(({ text }) => text.includes("hear nothing of this process"));
  await until("the log says it", () => told().length > 0);
  const [{ level, text }] = told();
  assert.equal(level, "warn");
  assert.match(
    text,
    /Redis refuses to let it subscribe to mlr!\? \(NOPERM .*\)\. Locks work all the same\. Grant the user the channels &mlr!\*\.$/,
  );
  // The provider tries again on a new connection, and logs nothing more.
  await bed.command("CLIENT", "KILL", "USER", "unasked");
  const order = [];
  await Promise.all(["first", "second"].map((name) => booted.locking.execute("k", async () => order.push(name))));
  assert.deepEqual(order, ["first", "second"]);
  assert.equal(told().length, 1);
  await bed.command("ACL", "DELUSER", "unasked");
});
