// Redis is not there, comes back, or hangs.

import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";
import { startServer } from "../../harness/redis-servers.mjs";
import { connect } from "../../harness/resp-client.mjs";
import { STOPPED_SERVERS } from "../../harness/system.mjs";
import { NS, refused, SERVER, until } from "../support/testbed.mjs";

const TIMEOUT = { code: "LOCK_TIMEOUT", message: "Timed-out acquiring lock.", type: "conflict" };

/** Runs `body` with a server of its own and a module on it, and cleans up in any case. */
async function withServer(body, options = {}) {
  const server = await startServer({ version: SERVER });
  const booted = await bootLocking({ providers: [providerEntry({ redisUrl: server.url, ...options })] });
  try {
    await body(booted.locking, server, booted);
  } finally {
    await booted.shutdown();
    await server.stop();
  }
}

async function ownerOn(server, key) {
  const observer = await connect({ port: server.port });
  try {
    return await observer.command("GET", `${NS}${key}`);
  } finally {
    observer.close();
  }
}

test("Redis down at boot: logged, the boot goes on, and it recovers by itself", async () => {
  const server = await startServer({ version: SERVER });
  await server.kill("SIGKILL");
  const booted = await bootLocking({ providers: [providerEntry({ redisUrl: server.url })] });
  try {
    assert.match(
      booted.logText,
      /error: An error occurred while connecting to Redis in provider "locking-redis": Error: connect ECONNREFUSED/,
    );
    const waiting = booted.locking.execute("k", async () => "done", { timeout: 25 });
    await server.restart();
    assert.equal(await waiting, "done");
  } finally {
    await booted.shutdown();
    await server.stop();
  }
});

test("Redis killed and restarted under load: nothing overlaps, nothing hangs, nothing stays locked", () =>
  withServer(async (locking, server) => {
    let inside = 0;
    let overlaps = 0;
    let finished = 0;
    const outcomes = new Set();
    const deadline = Date.now() + 6_000;
    const caller = async (key) => {
      while (Date.now() < deadline) {
        try {
          await locking.execute(
            key,
            async () => {
              inside += key === "hot" ? 1 : 0;
              overlaps += inside > 1 ? 1 : 0;
              await sleep(2);
              inside -= key === "hot" ? 1 : 0;
              finished += 1;
            },
            { timeout: 5, expire: 30 },
          );
        } catch (error) {
          // The running job loses its lock in a restart without persistence, and its call fails with this error.
          outcomes.add(error.code);
        }
      }
    };
    const load = Promise.all(["hot", "hot", "hot", "a", "b"].map(caller));
    for (let count = 0; count < 3; count += 1) {
      await sleep(700);
      await server.kill("SIGKILL");
      await sleep(300);
      await server.restart();
    }
    await load;
    assert.ok(finished > 100, `only ${finished} jobs`);
    for (const code of outcomes) assert.ok(["LOCK_LOST", "LOCK_TIMEOUT", "REDIS_UNREACHABLE"].includes(code), code);
    // The data is gone with the server, so the one job that runs on may overlap with the next job, at most once per restart.
    assert.ok(overlaps <= 3, `${overlaps} overlaps`);
    await locking.execute("hot", async () => {}, { timeout: 20 });
    await until("nothing is locked", async () => !(await ownerOn(server, "hot")));
  }));

test("a call without a time limit fails after 20 reconnects, as with ioredis", () =>
  withServer(async (locking, server) => {
    await server.kill("SIGKILL");
    const error = await refused(locking.acquire("k"), {
      code: "REDIS_UNREACHABLE",
      message: 'Reached the max retries per request limit (which is 20). Refer to "maxRetriesPerRequest" option for details.',
    });
    assert.equal(error.name, "MaxRetriesPerRequestError");
    assert.match(String(error.cause), /ECONNREFUSED/);
  }));

test("a call with a time limit that Redis is not there for fails at its limit and says why", () =>
  withServer(async (locking, server, booted) => {
    await server.kill("SIGKILL");
    await until("the loss is noticed", () => booted.logText.includes("connection to Redis was lost"));
    const error = await refused(
      locking.execute("k", async () => assert.fail("no job may run"), { timeout: 1 }),
      { code: "REDIS_UNREACHABLE", type: "locking_error", message: /^There was no usable connection to Redis .* key "k"\.$/ },
    );
    assert.deepEqual(error.keys, ["k"]);
    assert.match(String(error.cause), /ECONN/);
  }));

test("a job that ends while Redis is down gives its result, and its lock goes when Redis is back", STOPPED_SERVERS, () =>
  withServer(async (locking, server) => {
    const result = await locking.execute("k", async () => {
      await server.kill("SIGSTOP");
      return "done";
    });
    assert.equal(result, "done");
    await server.kill("SIGCONT");
    await until("the lock is released", async () => !(await ownerOn(server, "k")));
  }),
);

test("a hung server: calls end at their limit and say why, and work goes on when it does", STOPPED_SERVERS, () =>
  withServer(async (locking, server, booted) => {
    await locking.execute("k", async () => {});
    await server.kill("SIGSTOP");
    const errors = await Promise.all([
      refused(
        locking.execute("k", async () => assert.fail("no job may run"), { timeout: 1 }),
        TIMEOUT,
      ),
      refused(locking.acquire("l", { awaitQueue: true, timeout: 1 }), TIMEOUT),
    ]);
    for (const { cause } of errors) assert.match(cause.message, /^Redis has not answered for \d+\.\d s$/);
    // There is no conflict, so the log does not tell anybody to look for a holder.
    assert.match(booted.logText, /waited in vain for key "k" .*Redis has not answered .*medusa-locking-redis doctor" says what is wrong/);
    assert.doesNotMatch(booted.logText, /who holds it/);
    await server.kill("SIGCONT");
    assert.equal(await locking.execute("k", async () => "done", { timeout: 20 }), "done");
    await until("the late grants are given back", async () => !(await ownerOn(server, "k")) && !(await ownerOn(server, "l")));
  }),
);

test("fencing tokens rise over FLUSHALL and a restart without persistence", () =>
  withServer(async (locking, server) => {
    const token = () => locking.execute("k", async (_signal, lock) => lock.fencingTokens.k, { timeout: 20 });
    const tokens = [await token(), await token()];
    await server.cli("FLUSHALL");
    tokens.push(await token());
    await server.cli("SCRIPT", "FLUSH");
    tokens.push(await token());
    await server.restart();
    tokens.push(await token(), await token());
    for (let at = 1; at < tokens.length; at += 1) assert.ok(tokens[at] > tokens[at - 1], tokens.join(" "));
  }));
