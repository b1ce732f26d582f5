// The answers that the HTTP clients of a shop get if a call of the provider fails in a route. Medusa's own error handler turns the provider's
// error into the answer.

import assert from "node:assert/strict";
import test from "node:test";
import { requireInstalled } from "../../harness/installed.mjs";
import { recordingLogger } from "../../harness/locking-module.mjs";
import { NS, OURS_ONLY, openTestbed, refused } from "../support/testbed.mjs";

const bed = openTestbed();

const { errorHandler } = requireInstalled("@medusajs/framework/http");

/** The answer to a client if a route rejects with this error. */
function answerTo(error) {
  const answer = {};
  const response = {
    status(code) {
      answer.status = code;
      return response;
    },
    json(body) {
      answer.body = JSON.parse(JSON.stringify(body));
    },
  };
  const { logger } = recordingLogger();
  errorHandler()(error, { path: "/", scope: { resolve: () => logger } }, response, () => {});
  return answer;
}

function assertHidden(error) {
  assert.deepEqual(answerTo(error), {
    status: 500,
    body: { code: "unknown_error", type: "unknown_error", message: "An unknown error occurred." },
  });
}

test("the text of Redis is hidden from clients; the error keeps its code, keys and cause, and the log has it once", OURS_ONLY, async () => {
  const { locking, logs } = await bed.boot();
  for (const key of ["secret-1", "secret-2", "secret-1"]) {
    await bed.command("DEL", NS + key);
    await bed.command("RPUSH", NS + key, "x");
    const error = await refused(locking.acquire(key), { code: "REDIS_REFUSED" });
    assertHidden(error);
    assert.deepEqual(error.keys, [key]);
    assert.match(error.message, /WRONGTYPE/);
    assert.match(String(error.cause), /WRONGTYPE/);
  }
  assert.equal(logs.filter(({ level, text }) => level === "error" && /REDIS_REFUSED.*WRONGTYPE/.test(text)).length, 1);
});

test("that Redis cannot be reached, and where it is, is hidden from clients", OURS_ONLY, async () => {
  const redisOptions = { connectTimeout: 500, maxRetriesPerRequest: 0, retryStrategy: () => 10 };
  const { locking } = await bed.bootWith({
    providers: [{ resolve: "medusa-locking-redis", id: "locking-redis", options: { redisUrl: "redis://127.0.0.1:1", redisOptions } }],
  });
  assertHidden(await refused(locking.acquire("k"), { code: "REDIS_UNREACHABLE" }));
});

test("a password that Redis does not take is no business of clients", OURS_ONLY, async () => {
  const booted = await bed.boot({ redisOptions: { username: "nobody", password: "wrong" } });
  const error = await refused(booted.locking.acquire("k"), { code: "REDIS_AUTH_FAILED" });
  assertHidden(error);
});

test("that the provider was shut down is hidden from clients", OURS_ONLY, async () => {
  const booted = await bed.boot();
  await booted.shutdown();
  assertHidden(await refused(booted.locking.acquire("k"), { code: "PROVIDER_CLOSED" }));
});

test("that a lock is held is a conflict, as with the official package", async () => {
  const { locking } = await bed.boot();
  await locking.acquire("k", { ownerId: "one" });
  const { status, body } = answerTo(await refused(locking.acquire("k", { ownerId: "other" }), { type: "conflict" }));
  assert.equal(status, 409);
  assert.equal(body.type, "conflict");
});
