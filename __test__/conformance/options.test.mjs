// The valid options, the places where they may stand, and the errors about wrong ones. The effects of the options are tested elsewhere.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";
import { exceptOn, NS, OURS_ONLY, openTestbed } from "../support/testbed.mjs";

const bed = openTestbed();

const fn = () => {};

/** For tests that expect a log without warnings. */
const QUIET = exceptOn("proxy", "the log warns of the proxy", OURS_ONLY);

const WRONG_SAFETY = ["abc", {}, [], true, fn, Number.NaN, 0, -1, 1.5, Number.POSITIVE_INFINITY];

/** By option: values that have the wrong type or no meaning. */
const WRONG = {
  redisUrl: [{}, [], true, fn, Symbol("url")],
  redisOptions: ["x", 5, true, [], fn],
  namespace: [5, {}, [], true, fn],
  waitLockingTimeout: ["abc", {}, [], true, fn, Symbol("n"), "5s", Number.NaN, -1, "-1"],
  defaultRetryInterval: ["abc", {}, [], true, fn, "5ms", Number.NaN, -1],
  maximumRetryInterval: ["abc", {}, [], false, fn, Number.NaN, -1],
  backoffFactor: ["abc", {}, [], true, fn, Number.NaN, 0.5, 0, -2],
  maximumStallMs: ["abc", {}, [], true, fn, Number.NaN, 0, -1],
  maximumLeaseMs: ["abc", {}, [], true, fn, Number.NaN, 0, -1, 999],
  tryWaitMs: ["abc", {}, [], true, fn, Number.NaN, -1],
  drainTimeoutMs: ["abc", {}, [], true, fn, Number.NaN, -1],
  safety: ["abc", 1, true, [], fn, {}, { timeoutMs: 5 }, { replicas: 1, timeout: 5 }],
  "safety.replicas": WRONG_SAFETY.map((replicas) => ({ replicas })),
  "safety.timeoutMs": WRONG_SAFETY.map((timeoutMs) => ({ replicas: 1, timeoutMs })),
};

/** The same for options in redisOptions. */
const WRONG_REDIS = {
  host: [5, {}, [], true, "redis://elsewhere"],
  port: ["abc", {}, [], true, -1, 65_536, 1.5, "63 79"],
  family: ["abc", {}, 5, true],
  username: [5, {}, [], true],
  password: [5, {}, [], true],
  db: ["abc", {}, [], -1, 1.5, true],
  keyPrefix: [5, {}, [], true],
};

for (const [option, values] of Object.entries(WRONG)) {
  test(`a wrong ${option} fails the boot with an error that names it`, OURS_ONLY, async () => {
    for (const value of values) {
      const options = { ...bed.options(), [option.split(".")[0]]: value };
      await failsNaming(option, { providers: [providerEntry(options)] }, value);
    }
  });
}

for (const [option, values] of Object.entries(WRONG_REDIS)) {
  test(`a wrong redisOptions.${option} fails the boot with an error that names it`, OURS_ONLY, async () => {
    for (const value of values) {
      // One URL leaves everything open, and the other one wins over redisOptions.
      const redisOptions = { host: "127.0.0.1", port: bed.server.port, [option]: value };
      for (const redisUrl of ["redis://", `redis://user:password@127.0.0.1:${bed.server.port}/0`]) {
        await failsNaming(option, { providers: [providerEntry({ redisUrl, redisOptions })] }, value);
      }
    }
  });
}

test("a wrong value at module level fails the boot too", OURS_ONLY, async () => {
  const providers = () => [providerEntry(bed.options())];
  await failsNaming("waitLockingTimeout", { providers: providers(), options: { waitLockingTimeout: "soon" } });
  await failsNaming("backoffFactor", { providers: providers(), options: { backoffFactor: {} } });
});

test("an unknown lane in the environment fails the boot with an error that names the variable", OURS_ONLY, async () => {
  const { MEDUSA_LOCKING_LANE: before } = process.env;
  process.env.MEDUSA_LOCKING_LANE = "fast";
  try {
    await failsNaming("MEDUSA_LOCKING_LANE", { providers: [providerEntry(bed.options())] });
  } finally {
    if (before === undefined) delete process.env.MEDUSA_LOCKING_LANE;
    else process.env.MEDUSA_LOCKING_LANE = before;
  }
});

test("undefined and null are as good as not given", OURS_ONLY, async () => {
  for (const nothing of [undefined, null]) {
    const names = Object.keys(WRONG).filter((name) => name !== "redisUrl");
    const { locking } = await bed.boot(Object.fromEntries(names.map((name) => [name, nothing])));
    await locking.acquire("k", { ownerId: "me" });
    assert.equal(await bed.owner(`${NS}k`), "me");
    await locking.release("k", { ownerId: "me" });
  }
});

test("numbers may be given as text", QUIET, async () => {
  const { locking, logText } = await bed.boot({
    waitLockingTimeout: "1",
    defaultRetryInterval: "2",
    maximumRetryInterval: "10",
    backoffFactor: "1.5",
    maximumStallMs: "60000",
  });
  await locking.acquire("k", { ownerId: "other" });
  await assert.rejects(locking.execute("k", fn), { message: "Timed-out acquiring lock." });
  assert.doesNotMatch(logText, /^(warn|error)/m);
});

test("an unknown option is warned of, by name, and does no harm", OURS_ONLY, async () => {
  const { locking, logs } = await bed.boot({ waitLockTimeout: 3, redisOptions: { hots: "example.org" } });
  for (const name of ["waitLockTimeout", "hots"]) {
    assert.ok(
      logs.some((line) => line.level === "warn" && line.text.includes(name)),
      `no warning about ${name}`,
    );
  }
  await locking.acquire("k");
  assert.equal(await bed.owner(`${NS}k`), "*");
});

test("known options are not warned of", QUIET, async () => {
  const { logs } = await bed.bootWith({
    providers: [
      providerEntry({
        ...bed.options({
          redisOptions: {
            connectTimeout: 10_000,
            showFriendlyErrorStack: true,
            enableAutoPipelining: true,
            lazyConnect: true,
            autoResubscribe: true,
          },
        }),
        namespace: "ns:",
        waitLockingTimeout: 5,
        defaultRetryInterval: 5,
        maximumRetryInterval: 200,
        backoffFactor: 2,
        maximumStallMs: 60_000,
      }),
    ],
  });
  assert.deepEqual(
    logs.filter((line) => line.level !== "info"),
    [],
  );
});

test("options of ioredis that cannot be honoured are refused by name", OURS_ONLY, async () => {
  const refusedOnes = {
    role: "slave",
    Connector: class {},
    monitor: true,
  };
  for (const [name, value] of Object.entries(refusedOnes)) {
    await failsNaming(name, { providers: [providerEntry(bed.options({ redisOptions: { [name]: value } }))] });
  }
});

test("a missing redisUrl fails the boot with the official text", async () => {
  const text =
    'No "redisUrl" provided in "locking" module, "locking-redis" provider options. It is required for the "locking-redis" Module provider.';
  for (const options of [{}, { redisUrl: undefined }, { redisUrl: "" }, { redisUrl: null }, { namespace: "x:" }]) {
    const error = await bootError({ providers: [providerEntry(options)] });
    assert.ok(error.message.includes(text), error.message);
  }
});

test("an entry without options fails the boot with the official text", OURS_ONLY, async () => {
  const error = await bootError({ providers: [providerEntry(undefined)] });
  assert.match(error.message, /No "redisUrl" provided in "locking" module, "locking-redis" provider options\./);
});

test("an entry without options takes all of them from the module", exceptOn("proxy", "the log warns of the proxy"), async () => {
  const booted = await bed.bootWith({
    moduleOptions: { ...bed.options(), namespace: "module:", waitLockingTimeout: 1, providers: [providerEntry(undefined)] },
  });
  await booted.locking.acquire("k", { ownerId: "other" });
  assert.deepEqual(await bed.owners(), { "module:k": "other" });
  await assert.rejects(booted.locking.execute("k", fn), { message: "Timed-out acquiring lock." });
  // Medusa itself adds options to the user's. They are not the user's mistake, so there is no warning.
  const lines = booted.logs.filter(({ level, text }) => /warn|error/.test(level) && !text.includes("waited in vain"));
  assert.deepEqual(lines, []);
});

test("an entry without options is reached by lp_ and its id, too", OURS_ONLY, async () => {
  const { locking } = await bed.bootWith({
    moduleOptions: { ...bed.options(), namespace: "module:", providers: [providerEntry(undefined, { is_default: undefined })] },
  });
  await locking.acquire("k", { ownerId: "me", provider: "lp_locking-redis" });
  assert.deepEqual(await bed.owners(), { "module:k": "me" });
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
});

test("a place for locks that only the module names is not the provider's, and the log says so", OURS_ONLY, async () => {
  const booted = await bed.bootWith({
    providers: [providerEntry({ ...bed.options(), namespace: undefined })],
    options: { namespace: "module:" },
  });
  await booted.locking.acquire("k", { ownerId: "me" });
  assert.deepEqual(await bed.owners(), { "medusa_lock:k": "me" });
  const told = booted.logs.map(({ text }) => text).filter((text) => text.includes("of the Locking Module is not read"));
  assert.equal(told.length, 1);
  assert.match(told[0], /"namespace"/);
});

test("waitLockingTimeout at module level counts where the provider has none", async () => {
  const booted = await bed.bootWith({ providers: [providerEntry(bed.options())], options: { waitLockingTimeout: 1 } });
  await booted.locking.acquire("k", { ownerId: "other" });
  await assert.rejects(booted.locking.execute("k", fn), { message: "Timed-out acquiring lock." });
});

test("the provider's own waitLockingTimeout counts more than the module's", OURS_ONLY, async () => {
  const providers = [providerEntry({ ...bed.options(), waitLockingTimeout: 1 })];
  const { locking } = await bed.bootWith({ providers, options: { waitLockingTimeout: 3600 } });
  await locking.acquire("k", { ownerId: "other" });
  await assert.rejects(locking.execute("k", fn), { message: "Timed-out acquiring lock." });
});

test("namespace is put before every key, empty or not", async () => {
  for (const namespace of ["", "shop:", "ключ:", "{tag}", "a b\n"]) {
    const { locking } = await bed.boot({ namespace });
    await locking.acquire("k", { ownerId: "me" });
    assert.deepEqual(await bed.owners(), { [`${namespace}k`]: "me" });
    assert.equal(await locking.release("k", { ownerId: "me" }), true);
  }
});

test("two namespaces do not see each other", async () => {
  const [one, two] = [await bed.boot({ namespace: "one:" }), await bed.boot({ namespace: "two:" })];
  await one.locking.acquire("k", { ownerId: "me" });
  await two.locking.acquire("k", { ownerId: "other" });
  await one.locking.releaseAll({ ownerId: "other" });
  assert.deepEqual(await bed.owners(), { "one:k": "me", "two:k": "other" });
});

async function bootError(config) {
  let booted;
  try {
    booted = await bootLocking(config);
  } catch (error) {
    return error;
  }
  await booted.shutdown();
  return assert.fail("the boot should have failed");
}

async function failsNaming(option, config, value) {
  let error;
  try {
    error = await bootError(config);
  } catch (failure) {
    throw new Error(`${option}: ${String(value)}: ${failure.message}`);
  }
  assert.ok(error.message.includes(option), `${String(value)}: ${error.message}`);
}
