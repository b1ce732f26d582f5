// The nodes with which the option `cluster` begins. The first of them is asked first, and gets the password.

import assert from "node:assert/strict";
import { test } from "node:test";
import { provider } from "./support.mjs";

const { parseOptions } = provider("options/options");

const SECRET = "hunter2";

function startNodes(options) {
  return parseOptions(options).native.cluster.nodes.map(({ host, port }) => `${host}:${port}`);
}

test("without startupNodes redisUrl alone is the start node", () => {
  const redisUrl = `redis://:${SECRET}@far.example:7000`;
  for (const cluster of [{}, { startupNodes: undefined }, { startupNodes: null }, { redisOptions: { host: "other", port: 1 } }]) {
    assert.deepEqual(startNodes({ redisUrl, cluster }), ["far.example:7000"]);
  }
  assert.equal(parseOptions({ redisUrl, cluster: {} }).native.password, SECRET);
  assert.deepEqual(startNodes({ redisUrl: "redis://far.example", cluster: {} }), ["far.example:6379"]);
});

test("without startupNodes and redisUrl the host in redisOptions is the start node", () => {
  const redisOptions = { host: "far.example", port: "7000", password: SECRET };
  assert.deepEqual(startNodes({ cluster: { redisOptions } }), ["far.example:7000"]);
  assert.deepEqual(startNodes({ cluster: {}, redisOptions }), ["far.example:7000"]);
  assert.deepEqual(startNodes({ cluster: { redisOptions: { host: "near.example" } }, redisOptions }), ["near.example:7000"]);
});

test("with startupNodes redisUrl is one more, and the host in redisOptions none", () => {
  const cluster = { startupNodes: ["a.example:1"], redisOptions: { host: "other" } };
  assert.deepEqual(startNodes({ cluster }), ["a.example:1"]);
  assert.deepEqual(startNodes({ redisUrl: "redis://b.example:2", cluster }), ["a.example:1", "b.example:2"]);
});

test("a cluster without any start node is refused in one line", () => {
  for (const options of [{ cluster: {} }, { cluster: {}, redisUrl: "" }, { cluster: { redisOptions: { host: "", port: 7000 } } }]) {
    assert.throws(() => parseOptions({ ...options, redisOptions: { password: SECRET } }), {
      code: "INVALID_OPTION",
      message:
        'Option "cluster.startupNodes" of the "locking-redis" provider is missing, and neither redisUrl nor redisOptions.host names a node.',
    });
  }
});
