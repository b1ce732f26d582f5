// If a URL has only a user name or only a password, it decides about both, as with ioredis. A warning names the other value if it is ignored for
// this reason.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ROOT } from "../../harness/paths.mjs";
import { parse, provider } from "./support.mjs";

const { parseOptions } = provider("options/options");

const SECRET = "hunter2";

function onlyWarning({ warnings }) {
  assert.equal(warnings.length, 1, warnings.join());
  assert.doesNotMatch(warnings[0], new RegExp(SECRET));
  return warnings[0];
}

test("a password beside a URL that has a user name only is warned of", () => {
  const told = parse("redis://shop@h", { password: SECRET });
  assert.deepEqual([told.username, told.password], ["shop", ""]);
  assert.match(
    onlyWarning(told),
    /^redisOptions\.password is IGNORED: the URL has a user name without a password.*redisOptions\.username\.$/,
  );
});

test("a user name beside a URL that has a password only is warned of", () => {
  const told = parse(`redis://:${SECRET}@h`, { username: "shop" });
  assert.deepEqual([told.username, told.password], [undefined, SECRET]);
  assert.match(
    onlyWarning(told),
    /^redisOptions\.username is IGNORED: the URL has a password without a user name.*redisOptions\.password\.$/,
  );
});

test("a login in the URL's query is lost in the same way", () => {
  assert.match(onlyWarning(parse(`redis://shop@h?password=${SECRET}`)), /^redisUrl\?password is IGNORED/);
  assert.match(onlyWarning(parse(`redis://:${SECRET}@h?username=shop`)), /^redisUrl\?username is IGNORED/);
});

test("a cluster's nodes are URLs, too", () => {
  const told = parseOptions({ cluster: { startupNodes: ["redis://shop@h:1"], redisOptions: { password: SECRET } } });
  assert.match(onlyWarning(told), /^redisOptions\.password is IGNORED/);
});

test("nothing is warned of where nothing is lost", () => {
  const quiet = [
    ["redis://h", { username: "shop", password: SECRET }],
    ["redis://shop@h", { password: "", username: "shop" }],
    ["redis://shop@h", { password: undefined }],
    [`redis://shop:${SECRET}@h`, { username: "other", password: "other" }],
    [`redis://:${SECRET}@h`, { username: null }],
  ];
  for (const [url, options] of quiet) {
    assert.deepEqual(parse(url, options).warnings, []);
  }
  for (const [node, redisOptions] of [
    [{ username: "shop" }, { password: SECRET }],
    [{ password: SECRET }, { username: "shop" }],
  ]) {
    const told = parseOptions({ cluster: { startupNodes: [{ host: "h", port: 7000, ...node }], redisOptions } });
    assert.deepEqual([told.native.username, told.native.password, told.warnings], ["shop", SECRET, []]);
  }
});

test("the documented example of TLS logs in with its user name and its password", () => {
  const text = fs.readFileSync(path.join(ROOT, "docs", "CONFIGURATION.md"), "utf8");
  const [, url] = /## TLS[^#]*?redisUrl: "([^"]+)"/.exec(text);
  const told = parse(url, { username: "shop", password: SECRET });
  assert.deepEqual([told.username, told.password, told.warnings], ["shop", SECRET, []]);
});
