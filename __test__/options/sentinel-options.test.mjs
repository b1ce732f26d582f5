// The options about Sentinels: the values that the addon gets, the warnings, and the refusals.

import assert from "node:assert/strict";
import { test } from "node:test";
import tls from "node:tls";
import { parse, provider, refusal } from "./support.mjs";

const { askPauseMs } = provider("client/callbacks");
const { parseOptions } = provider("options/options");

const URL = "redis://user:password@h:1/5";
const ASKING = { sentinels: [{ host: "s" }], name: "mymaster" };
const fn = () => 1;

test("the Sentinels and the master's name, as ioredis has the rest", () => {
  const { sentinels, reconnectAfterLookup, warnings } = parse(URL, ASKING);
  assert.deepEqual(sentinels, {
    name: "mymaster",
    addresses: [{ host: "s", port: 26_379 }],
    mapped: {},
    learns: true,
    commandTimeoutMs: 5_000,
  });
  assert.deepEqual([reconnectAfterLookup, warnings], ["growing", []]);
});

test("login and database in the URL are the master's", () => {
  const { sentinels, username, password, database } = parse(URL, ASKING);
  assert.deepEqual([username, password, database], ["user", "password", 5]);
  assert.deepEqual([sentinels.username, sentinels.password], [undefined, undefined]);
});

/** By option: a value, and the values about Sentinels that the addon gets for it. */
const TOLD = {
  sentinels: [
    [
      [
        { host: "a", port: "1", family: 6 },
        { host: "b", family: 0 },
      ],
      {
        addresses: [
          { host: "a", port: 1, family: 6 },
          { host: "b", port: 26_379 },
        ],
      },
    ],
  ],
  name: [["other", { name: "other" }]],
  role: [["master", {}]],
  sentinelUsername: [["u", { username: "u", password: "" }]],
  sentinelPassword: [
    ["p", { password: "p" }],
    [null, { password: undefined }],
  ],
  sentinelCommandTimeout: [["250", { commandTimeoutMs: 250 }]],
  sentinelTLS: [
    [false, { tls: undefined }],
    [null, { tls: undefined }],
  ],
  natMap: [[{ "10.0.0.1:6379": { host: "h", port: "7" } }, { mapped: { "10.0.0.1:6379": { host: "h", port: 7 } } }]],
  updateSentinels: [[false, { learns: false }]],
  failoverDetector: [
    [false, { detection: undefined }],
    [true, { detection: { most: 10, pausesMs: [60_000], stops: false } }],
  ],
  preferredSlaves: [[[{ ip: "x", port: 1 }], {}]],
};

for (const [option, cases] of Object.entries(TOLD)) {
  test(`the addon is told about ${option}`, () => {
    for (const [value, expected] of cases) {
      const { sentinels, warnings } = parse(URL, { ...ASKING, [option]: value });
      for (const [name, wanted] of Object.entries(expected))
        assert.deepEqual(sentinels[name], wanted, `${option}: ${JSON.stringify(value)}`);
      assert.deepEqual(warnings, []);
    }
  });
}

/** By option: values that cannot be used. */
const REFUSED = {
  sentinels: ["s", {}, true, [], [{}], ["s"], [{ host: "s", port: 70_000 }], [{ host: "redis://s" }], [{ host: "s", family: 5 }], [null]],
  name: [undefined, null, "", 5],
  role: ["slave", "primary"],
  sentinelUsername: [5],
  sentinelPassword: [5],
  sentinelCommandTimeout: [0, -1, "x"],
  sentinelTLS: [5, [], "RedisCloudFixed", { ca: "no certificate" }, { lookup: fn }],
  enableTLSForSentinelMode: ["maybe"],
  natMap: [fn, "x", [], { "a:1": "b:2" }, { "a:1": { host: "b" } }],
  updateSentinels: ["maybe"],
  failoverDetector: ["maybe"],
  sentinelMaxConnections: [0, -1, "many"],
};

for (const [option, values] of Object.entries(REFUSED)) {
  test(`a ${option} that cannot be used with Sentinels is refused by name`, () => {
    for (const value of values) {
      const error = refusal(URL, { ...ASKING, [option]: value });
      assert.equal(error?.code, "INVALID_OPTION", `${option}: ${String(value)}`);
      assert.ok(error.message.includes(`redisOptions.${option}`), error.message);
    }
  });
}

test("a missing option is told in ioredis' words", () => {
  assert.match(refusal(URL, { sentinels: [], name: "m" }).message, /Requires at least one sentinel to connect to\./);
  assert.match(refusal(URL, { sentinels: [{ host: "s" }] }).message, /Requires the name of master\./);
});

test("without sentinels the other options have no meaning", () => {
  for (const sentinels of [undefined, null, false, 0, ""]) {
    const told = parse(URL, { ...ASKING, sentinels, natMap: {}, failoverDetector: true, tls: {} });
    assert.equal(told.sentinels, undefined);
    assert.ok(told.tls);
    assert.deepEqual(told.warnings, []);
  }
});

test("sentinelRetryStrategy is a function, or ends all attempts", () => {
  const strategy = (sentinelRetryStrategy) => parse(URL, { ...ASKING, sentinelRetryStrategy }).reconnectAfterLookup;
  assert.deepEqual([undefined, fn, null, false, 5].map(strategy), ["growing", "asked", "never", "never", "never"]);
  const parsed = parseOptions({ redisUrl: URL, redisOptions: { ...ASKING, sentinelRetryStrategy: fn, retryStrategy: () => 2 } }, {});
  assert.equal(askPauseMs(parsed, "sentinelRetryStrategy", 1), 1);
  assert.equal(askPauseMs(parsed, "retryStrategy", 1), 2);
});

test("sentinelReconnectStrategy is asked for its pauses at boot, until it ends", () => {
  const detection = (sentinelReconnectStrategy) =>
    parse(URL, { ...ASKING, failoverDetector: true, sentinelReconnectStrategy }).sentinels.detection;
  const growing = detection((times) => times * 100);
  assert.deepEqual([growing.pausesMs.length, growing.pausesMs[0], growing.pausesMs.at(-1), growing.stops], [20, 100, 2_000, false]);
  const ending = detection((times) => (times < 3 ? 5 : null));
  assert.deepEqual([ending.pausesMs, ending.stops], [[5, 5], true]);
  assert.deepEqual([detection(null).pausesMs, detection(null).stops], [[], true]);
});

test("a sentinelReconnectStrategy that throws or rejects ends its attempts, and the boot goes on", async () => {
  const options = (sentinelReconnectStrategy) => ({ ...ASKING, failoverDetector: true, sentinelReconnectStrategy });
  const throwing = (times) => {
    if (times > 2) throw new Error("no more");
    return 5;
  };
  const { sentinels, warnings } = parse(URL, options(throwing));
  assert.deepEqual([sentinels.detection.pausesMs, sentinels.detection.stops], [[5, 5], true]);
  assert.match(warnings.join("\n"), /sentinelReconnectStrategy.*no more/);
  const rejecting = async () => {
    throw new Error("no more");
  };
  assert.deepEqual(parse(URL, options(rejecting)).sentinels.detection, { most: 10, pausesMs: [], stops: true });
  // An unhandled rejection would fail this file.
  await new Promise(setImmediate);
});

test("TLS is for the Sentinels by sentinelTLS, and for the master by an option of its own", () => {
  const ca = tls.rootCertificates[0];
  const sentinelsOnly = parse(URL, { ...ASKING, sentinelTLS: { ca } });
  assert.deepEqual([sentinelsOnly.sentinels.tls.authorities.length, sentinelsOnly.tls, sentinelsOnly.warnings], [1, undefined, []]);
  for (const [url, option] of [
    ["rediss://h", undefined],
    [URL, { ca }],
  ]) {
    const plain = parse(url, { ...ASKING, tls: option });
    assert.equal(plain.tls, undefined);
    assert.match(plain.warnings.join("\n"), /plain text.*enableTLSForSentinelMode/);
    const secure = parse(url, { ...ASKING, tls: option, enableTLSForSentinelMode: true });
    assert.deepEqual([secure.tls !== undefined, secure.sentinels.tls, secure.warnings], [true, undefined, []]);
  }
});
