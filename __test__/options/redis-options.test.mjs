// redisOptions: the values that the addon gets, the warnings, and the refusals.

import assert from "node:assert/strict";
import os from "node:os";
import { test } from "node:test";
import { UNIX_SOCKETS } from "../../harness/system.mjs";
import { parse, provider, refusal } from "./support.mjs";

const { askPauseMs, askVerdict } = provider("client/callbacks");
const { IOREDIS_OPTIONS } = provider("options/ioredis-options");

const URL = "redis://h";
const fn = () => 1;

test("without options everything is as ioredis has it", () => {
  const { warnings, retryStrategy, reconnectOnError, onThread, runtime, ...told } = parse(URL);
  const machine = os.hostname();
  assert.deepEqual(told, {
    machine,
    connectionName: `medusa-locking:${machine}:${process.pid}`,
    host: "h",
    port: 6379,
    family: 0,
    keepAliveMs: 30_000,
    noDelay: true,
    connectTimeoutMs: 10_000,
    database: 0,
    libraryName: "medusa-locking-redis",
    resp3: true,
    mostReconnects: 20,
    mostReconnectsForAll: false,
    readyCheck: true,
    longestLoadingPauseMs: 10_000,
    offlineQueue: true,
    resends: true,
    reconnect: "growing",
    reconnectAfterLookup: "growing",
    asksOnErrors: false,
    prefix: "medusa_lock:",
    defaultRetryIntervalMs: 5,
    maximumRetryIntervalMs: 200,
    backoffFactor: 2,
    maximumStallMs: 60_000,
  });
  assert.deepEqual([warnings, retryStrategy, reconnectOnError], [[], undefined, undefined]);
});

/** By option: a value, and the values that it leads to in the result of the parser; `undefined`: none. */
const TOLD = {
  family: [[4, { family: 4 }]],
  keepAlive: [
    [0, { keepAliveMs: 0 }],
    [20_000, { keepAliveMs: 20_000 }],
    ["5000", { keepAliveMs: 5000 }],
    [86_400_000, { keepAliveMs: 32_767_000 }],
    [Number.POSITIVE_INFINITY, { keepAliveMs: 32_767_000 }],
    [null, { keepAliveMs: undefined }],
    ["long", { keepAliveMs: undefined }],
    [true, { keepAliveMs: undefined }],
  ],
  noDelay: [[false, { noDelay: false }]],
  connectTimeout: [
    [0, { connectTimeoutMs: 0 }],
    ["500", { connectTimeoutMs: 500 }],
    [null, { connectTimeoutMs: 0 }],
  ],
  connectionName: [
    ["shop", { connectionName: "shop" }],
    [null, { connectionName: undefined }],
  ],
  disableClientInfo: [[true, { libraryName: undefined }]],
  clientInfoTag: [["shop", { libraryName: "medusa-locking-redis(shop)" }]],
  protocol: [
    [2, { resp3: false }],
    ["2", { resp3: false }],
    [3, { resp3: true }],
    ["3", { resp3: true }],
  ],
  enableReadyCheck: [[false, { readyCheck: false }]],
  maxLoadingRetryTime: [
    [100, { longestLoadingPauseMs: 100 }],
    [0, { longestLoadingPauseMs: 0 }],
    [null, { longestLoadingPauseMs: 0 }],
    [false, { longestLoadingPauseMs: 0 }],
  ],
  enableOfflineQueue: [[false, { offlineQueue: false }]],
  autoResendUnfulfilledCommands: [[false, { resends: false }]],
  maxRetriesPerRequest: [
    [20, { mostReconnects: 20, mostReconnectsForAll: true }],
    [0, { mostReconnects: 0, mostReconnectsForAll: true }],
    [null, { mostReconnects: undefined }],
    [-1, { mostReconnects: undefined }],
    [Number.POSITIVE_INFINITY, { mostReconnects: undefined }],
  ],
  retryStrategy: [
    [undefined, { reconnect: "growing" }],
    [fn, { reconnect: "asked", retryStrategy: fn }],
    [null, { reconnect: "never", retryStrategy: undefined }],
    [false, { reconnect: "never", retryStrategy: undefined }],
  ],
  reconnectOnError: [
    [fn, { asksOnErrors: true, reconnectOnError: fn }],
    [null, { asksOnErrors: false, reconnectOnError: undefined }],
  ],
  commandTimeout: [
    ["250", { commandTimeoutMs: 250 }],
    [null, { commandTimeoutMs: undefined }],
    [false, { commandTimeoutMs: undefined }],
  ],
  socketTimeout: [[250, { socketTimeoutMs: 250 }]],
};

for (const [option, cases] of Object.entries(TOLD)) {
  test(`the addon is told about ${option}`, () => {
    for (const [value, expected] of cases) {
      const told = parse(URL, { [option]: value });
      for (const [name, wanted] of Object.entries(expected)) {
        assert.equal(told[name], wanted, `${option}: ${String(value)}`);
      }
      assert.deepEqual(told.warnings, []);
    }
  });
}

test("a Unix socket counts more than host and port, wherever they stand", UNIX_SOCKETS, () => {
  assert.equal(parse("redis://h:6380", { path: "/run/redis.sock" }).path, "/run/redis.sock");
  assert.equal(parse("/run/a.sock", { path: "/run/b.sock" }).path, "/run/a.sock");
  assert.equal(parse("redis://h", { path: null }).path, undefined);
});

test("no option is told to the addon as undefined: it would not know what to do with it", () => {
  const told = parse(URL, { keepAlive: null, connectionName: null, disableClientInfo: true, maxRetriesPerRequest: null, tls: {} });
  const { warnings, retryStrategy, reconnectOnError, ...native } = told;
  assert.deepEqual(
    [...Object.entries(native), ...Object.entries(native.tls)].filter(([, value]) => value === undefined || value === null),
    [],
  );
});

/** By option: values that cannot be used. */
const REFUSED = {
  keepAlive: [-1],
  noDelay: [1, "yes", {}],
  connectTimeout: ["soon", -1, {}],
  connectionName: [5],
  disableClientInfo: ["no"],
  clientInfoTag: [5],
  protocol: [1, 4, "resp3", true],
  enableReadyCheck: [0, "no"],
  maxLoadingRetryTime: ["long", -1],
  enableOfflineQueue: [{}],
  autoResendUnfulfilledCommands: ["2"],
  maxRetriesPerRequest: ["many", 1.5, {}, true],
  reconnectOnError: [5, "x", true],
  commandTimeout: [0, -1, "x"],
  socketTimeout: [0, -1, "x"],
  path: [5, {}],
  tls: [5, [], "yes", "RedisCloudFixed", { profile: "RedisCloudFixed" }],
  Connector: [class {}],
  monitor: [true],
  role: ["slave", "replica"],
};

for (const [option, values] of Object.entries(REFUSED)) {
  test(`a ${option} that cannot be used is refused by name, also where the URL has the last word`, () => {
    for (const value of values) {
      const error = refusal("redis://user:password@h:1/0?connectTimeout=5", { [option]: value });
      assert.equal(error?.code, "INVALID_OPTION", `${option}: ${String(value)}`);
      assert.ok(error.message.includes(`redisOptions.${option}`), error.message);
    }
  });
}

test("values that say what is done anyway are taken without a word", () => {
  const redisOptions = {
    monitor: false,
    readOnly: false,
    stringNumbers: false,
    scripts: null,
    Connector: null,
    sentinels: null,
    name: null,
    role: "master",
    failoverDetector: false,
    updateSentinels: true,
    natMap: undefined,
  };
  assert.deepEqual(parse(URL, redisOptions).warnings, []);
  assert.deepEqual(parse("redis://h?readOnly=false&role=master").warnings, []);
});

test("each option that has no use here is warned of by name, once", () => {
  const redisOptions = { readOnly: true, stringNumbers: true, scripts: {}, himportFieldsets: [], hots: "x" };
  const { warnings } = parse(URL, redisOptions);
  assert.equal(warnings.length, 5);
  for (const name of Object.keys(redisOptions)) {
    assert.equal(warnings.filter((line) => line.startsWith(`redisOptions.${name} `)).length, 1, name);
  }
});

test("an ignored option has no effect, whatever its value", () => {
  const { warnings, retryStrategy, reconnectOnError, ...plain } = parse(URL);
  for (const { name } of [...IOREDIS_OPTIONS.values()].filter(({ treatment }) => treatment === "ignored")) {
    const { warnings, retryStrategy, reconnectOnError, ...told } = parse(URL, { [name]: { some: "thing" } });
    assert.deepEqual([told, warnings], [plain, []], name);
  }
});

test("retryStrategy's answer is a pause in milliseconds, or an end", () => {
  const asked = [];
  const answer = (value) => askPauseMs({ retryStrategy: (times) => asked.push(times) && value }, "retryStrategy", 7, undefined);
  assert.deepEqual([0, 50, 2.5, -5, Number.NaN].map(answer), [0, 50, 2.5, 0, 0]);
  assert.deepEqual([undefined, null, false, "50", {}, Number.POSITIVE_INFINITY].map(answer), Array(6).fill(undefined));
  assert.ok(asked.length === 11 && asked.every((times) => times === 7));
});

test("reconnectOnError gets an error as ioredis makes it, and says what to do", () => {
  const asked = [];
  const answer = (value) => askVerdict({ reconnectOnError: (error) => asked.push(error) && value }, "READONLY You can't write", undefined);
  assert.deepEqual([true, 1, 2, false, null, undefined, "2", 3].map(answer), [1, 1, 2, 0, 0, 0, 0, 0]);
  assert.ok(asked.every((error) => error instanceof Error && error.name === "ReplyError" && error.message === "READONLY You can't write"));
});

test("an exception in a function of the user is logged, and counts as no", () => {
  const lines = [];
  const logger = { error: (line) => lines.push(line) };
  const throws = () => {
    throw new Error("boom");
  };
  assert.equal(askPauseMs({ retryStrategy: throws }, "retryStrategy", 1, logger), undefined);
  assert.equal(askVerdict({ reconnectOnError: throws }, "ERR", logger), 0);
  assert.equal(lines.length, 2);
  assert.match(lines[0], /redisOptions\.retryStrategy.*boom/);
  assert.match(lines[1], /redisOptions\.reconnectOnError.*boom/);
});

test("an option that is not known is warned of, with the one that it is nearest to", () => {
  const { warnings } = parse(URL, { pasword: "p", connectTimeOut: 5, tls: { sevrername: "h" }, somethingElse: 1 });
  assert.deepEqual(warnings, [
    'redisOptions.pasword is not an ioredis option, ignored. Did you mean "password"?',
    'redisOptions.connectTimeOut is not an ioredis option, ignored. Did you mean "connectTimeout"?',
    "redisOptions.somethingElse is not an ioredis option, ignored.",
    'redisOptions.tls.sevrername is not a TLS option, ignored. Did you mean "servername"?',
  ]);
  const { parseOptions } = provider("options/options");
  assert.deepEqual(parseOptions({ redisUrl: URL, drainTimeoutMS: 5, prefix: "x" }, undefined).warnings, [
    'Option "drainTimeoutMS" of the "locking-redis" provider is not known, ignored. Did you mean "drainTimeoutMs"?',
    'Option "prefix" of the "locking-redis" provider is not known, ignored.',
  ]);
});
