// The log lines about a time without Redis: while it lasts, and at its end.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startServer } from "../../harness/redis-servers.mjs";
import { OURS_ONLY, openTestbed, refused, SERVER, until } from "../support/testbed.mjs";

const bed = openTestbed();
const LONG_MS = 60_000;

test("an outage is told of every 30 s, with its reason and the calls that wait, and its end with what was lost", OURS_ONLY, async () => {
  const server = await startServer({ version: SERVER });
  try {
    const booted = await bed.boot({ redisUrl: server.url });
    const lost = booted.locking.execute(
      "lost",
      async (signal) => {
        await server.kill("SIGKILL");
        await until("the loss is told", () => signal.aborted, LONG_MS);
      },
      { expire: 2 },
    );
    const error = await refused(lost, { code: "LOCK_LOST" });
    assert.match(error.cause.message, /its lease could not be renewed before it expired: .*ECONN/);
    const waiting = [1, 2].map(() => booted.locking.execute("k", async () => {}, { timeout: 300 }));
    const line = () => booted.logs.find(({ text }) => text.includes("There has been no connection to Redis since"))?.text;
    await until("a line tells that it lasts", () => line() !== undefined, LONG_MS);
    assert.match(
      line(),
      /^\[locking 127\.0\.0\.1:\d+\] There .* since \d{4}-\d\d-\d\dT.*Z \(\d+ s\): connect ECONNREFUSED .*\. 2 calls wait\.$/,
    );
    await server.restart();
    await Promise.all(waiting);
    assert.match(booted.logText, /info: \[locking .*\] Connected to Redis again after \d+ s; 1 lock was lost meanwhile\./);
  } finally {
    await server.stop();
  }
});
