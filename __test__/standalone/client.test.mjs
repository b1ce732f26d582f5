import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";
import { INSTALLED, OURS } from "../../harness/installed.mjs";
import { run } from "../../harness/process.mjs";
import { deferred, HANG_GUARD_MS, NS, refused } from "../support/testbed.mjs";
import { createLocks, openLocks, placeOf } from "./support.mjs";

const { bed, client } = openLocks();

/** Runs code in a process of its own, beside the installed package, and returns its output. */
async function inProcess(code, flags = []) {
  const { code: exit, stdout, stderr } = await run(process.execPath, [...flags, "-e", code], { cwd: INSTALLED, timeout: HANG_GUARD_MS });
  assert.equal(exit, 0, stderr);
  return stdout.trim();
}

test("loading it loads no file of Medusa", async () => {
  const printed = await inProcess(`
    const { createLocks } = require(${JSON.stringify(`${OURS}/client`)});
    createLocks(${JSON.stringify(placeOf(bed))}).close().then(() => {
      console.log(Object.keys(require.cache).length > 5, Object.keys(require.cache).filter((file) => file.includes("@medusajs")).length);
    });`);
  assert.equal(printed, "true 0");
});

test("it can be imported by the names of its exports, and everything of the package is reachable as before", async () => {
  const names = ["client", "client.js", "index.js", "index", "package.json", "native.js", "native", "provider/dist/index.js", "index.d.ts"];
  const printed = await inProcess(
    `
    import { createRequire } from "node:module";
    import { createLocks, LockError } from "medusa-locking-redis/client";
    import provider, { RedisLockingProvider } from "medusa-locking-redis";
    const require = createRequire(${JSON.stringify(pathToFileURL(path.join(INSTALLED, "shop.js")).href)});
    for (const name of ${JSON.stringify(names)}) require.resolve("medusa-locking-redis/" + name);
    console.log(typeof createLocks, typeof LockError, typeof provider, typeof RedisLockingProvider);`,
    ["--input-type=module"],
  );
  assert.equal(printed, "function function object function");
});

test("an idle client does not keep its process alive, and needs no close", async () => {
  const printed = await inProcess(`
    const { createLocks } = require(${JSON.stringify(`${OURS}/client`)});
    const locks = createLocks(${JSON.stringify(placeOf(bed))});
    locks.ready().then(() => locks.withLock("k", () => console.log("done")));`);
  assert.equal(printed, "done");
  assert.deepEqual(await bed.locks(), []);
});

test("ready resolves once the connection stands, also when it is asked later", async () => {
  const locks = client();
  await locks.ready();
  await locks.ready();
});

test("ready says that Redis cannot be reached, and calls wait all the same", async () => {
  const locks = client({ url: "redis://127.0.0.1:1", cluster: undefined, logger: {} });
  await refused(locks.ready(), { code: "REDIS_UNREACHABLE", message: /^Redis is not ready: / });
  await refused(
    locks.withLock("k", { waitMs: 50 }, () => {}),
    { code: "REDIS_UNREACHABLE" },
  );
});

test("close waits for running jobs, refuses later calls, and fails those that wait", async () => {
  const locks = client();
  const [held, end] = [deferred(), deferred()];
  const job = locks.withLock("k", async () => {
    held.resolve();
    await end.promise;
    return "finished";
  });
  await held.promise;
  const waiting = refused(locks.acquire("k"), { code: "PROVIDER_CLOSED" });
  const closed = locks.close();
  await waiting;
  await refused(locks.acquire("j"), { code: "PROVIDER_CLOSED" });
  end.resolve();
  assert.equal(await job, "finished");
  await closed;
  assert.equal(await bed.owner(`${NS}k`), null);
});

test("a namespace of one's own is apart from the shop's", async () => {
  const lock = await client({ namespace: "mine:" }).acquire("k");
  assert.equal(await bed.owner("mine:k"), lock.ownerId);
  assert.ok(await client().tryAcquire("k"));
});

test("an option that is not known is warned of, in the words of this client", async () => {
  const lines = [];
  client({ waitMS: 5, redisOptions: { pasword: "secret" }, logger: { warn: (text) => lines.push(text) } });
  assert.match(lines[0], /^\[locking .+\] Option "waitMS" of createLocks is not known, ignored\. Did you mean "waitMs"\?$/);
  assert.match(lines[1], /pasword/);
  assert.doesNotMatch(lines.join(), /secret|locking-redis" provider/);
});

test("a warning about an option has the user's own word for it", async () => {
  const lines = [];
  client({ redisUrl: "redis://h", defaultRetryInterval: 5, logger: { warn: (text) => lines.push(text) } });
  assert.match(lines[0], /Option "redisUrl" of createLocks is not known, ignored\.$/);
  assert.match(lines[1], /Option "defaultRetryInterval" of createLocks is not known, ignored\.$/);
});

const BAD_OPTIONS = {
  nothing: [undefined, "The options of createLocks must be an object, got undefined."],
  "no place": [{}, 'Option "url" of createLocks is required, except with "cluster".'],
  "a wait that is none": [{ url: "redis://h", waitMs: 0 }, 'Option "waitMs" of createLocks must be at least 1.'],
  "a pause that is none": [
    { url: "redis://h", pollFirstPauseMs: "soon" },
    'Option "pollFirstPauseMs" of createLocks must be a number (of milliseconds), got "soon".',
  ],
  "a url that is no text": [{ url: 6379 }, 'Option "url" of createLocks must be a string, got a number.'],
  "a logger that is none": [
    { url: "redis://h", logger: "console" },
    'Option "logger" of createLocks must be an object like console, got a string.',
  ],
};
for (const [what, [options, message]] of Object.entries(BAD_OPTIONS)) {
  test(`${what} as option is refused at once`, () => {
    assert.throws(() => createLocks(options), { code: "INVALID_OPTION", message });
  });
}
