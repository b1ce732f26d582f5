// Command lines that cannot be used. The answer is one clear line and the right exit code, without any password.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { INSTALLED } from "../../harness/installed.mjs";
import { cli, complainedOnce } from "./support.mjs";

const SECRET = "s3cret";
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-cli-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function file(name, text) {
  const full = path.join(folder, name);
  fs.writeFileSync(full, text);
  return full;
}

const URL = ["--url", "redis://127.0.0.1:1"];

/** Arguments, exit code, the text of the line. */
const TABLE = [
  [[], 2, /no command is given; there are doctor, list, show, watch, top, release, run; --help/],
  [["lst"], 2, /there is no command "lst"; there are doctor/],
  [[`redis://u:${SECRET}@h`], 2, /that is no command; there are/],
  [["--json", "list"], 2, /the command comes before its flags/],
  [["list", `--nosuch=${SECRET}`], 2, /unknown option '--nosuch'; "medusa-locking-redis list --help" explains it/],
  [["list", "-x"], 2, /unknown option '-x'/],
  [["list", ...URL, ...URL], 2, /--url is given twice/],
  [["list", "--url"], 2, /option '--url <value>' argument missing/],
  [["list", "--json=yes"], 2, /option '--json' does not take an argument/],
  [["list", "k", ...URL], 2, /list takes no argument, got 1/],
  [["show", ...URL], 2, /show needs KEY/],
  [["show", "a", "b", ...URL], 2, /show takes one KEY, got 2/],
  [["release", ...URL, "--yes"], 2, /release needs KEY/],
  [["release", "k", ...URL], 2, /there is no terminal to ask at: --yes/],
  [["list", "--limit", "many", ...URL], 2, /--limit must be a whole number, at least 1/],
  [["list", "--limit", "0", ...URL], 2, /--limit must be a whole number, at least 1/],
  [["watch", "--every", "0", ...URL], 2, /--every must be a number of seconds, at least 0\.1/],
  [["watch", "--every", "-1", ...URL], 2, /--every/],
  [["watch", "--every", "2147484", ...URL], 2, /--every must be a number of seconds, at least 0\.1 and at most 2147483;/],
  [["list"], 2, /no Redis is named: give --url .* or --config .*, or set LOCKING_REDIS_URL/],
  [["list", "--url", "redis://"], 2, /--url: it names no host/],
  [["list", "--url", "redis:///1"], 2, /--url: it names no host/],
  [["list", "--url", "http://h"], 2, /--url: it has the scheme "http:\/\/"; expected redis:/],
  [["list", "--url", `redis://u:${SECRET}#@h`], 2, /--url: it is not a valid URL/],
  [["list", "--url", `redis://u:${SECRET}%@h`], 2, /--url: it has a % that begins no percent-encoded character/],
  [["list", "--url", "redis://h/one"], 2, /--url: .*db.* must be a whole number/],
  [["list", "--url", "redis://h:99999"], 2, /--url: it is not a valid URL/],
  [["list", "--url", "rediss://h?tls=false"], 2, /--url: it asks for TLS by its scheme and says tls=false/],
  [["list", "--url", "redis://h?connectTimeout=soon"], 2, /--url: .*connectTimeout.* must be a number \(of milliseconds\), got "soon"/],
  [["list", "--url", `redis://h?connectTimeout=${"9x".repeat(30)}`], 2, /must be a number \(of milliseconds\), got "(9x){10}…"/],
  [["list", "--url", `redis://h?connectTimeout=redis://u:${SECRET}@h`], 2, /got a string that is no number/],
  [["list", "--config", "nosuch.ts"], 2, /--config: there is no file nosuch\.ts/],
  [["list", "--config", `redis://u:${SECRET}@h`], 2, /--config: there is no file redis:\/\/\*\*\*@h/],
  [["list", "--config", `redis://u:${SECRET} /?@h`], 2, /--config: there is no file redis:\/\/\*\*\*@h/],
  [["list", `--redis://u:${SECRET}@h`, ...URL], 2, /unknown option '--redis:\/\/\*\*\*@h'/],
  [["list", "--\u001b[31mred\u202e", ...URL], 2, /unknown option '--\\u001b\[31mred\\u202e'/],
  [["list", "--config", "package.json", ...URL], 2, /--config and --url exclude each other/],
  [["doctor", ...URL, "extra"], 2, /doctor takes no argument/],
  [["run", "--lock", "k", ...URL], 125, /run needs a program, after --/],
  [["doctor", ...URL, "--fail-on", "never"], 2, /--fail-on must be problem or warning; "medusa-locking-redis doctor --help"/],
  [["doctor", ...URL, `--fail-on=redis://u:${SECRET}@h`], 2, /--fail-on must be problem or warning/],
  [["run", ...URL, "--lock", "k", "echo", "hi"], 125, /put -- before the command/],
  [["run", ...URL, "--lock", "k", "echo", "-n", "hi"], 125, /unknown option '-n'; put -- before the command/],
  [["run", ...URL, "--", "true"], 125, /run needs --lock KEY/],
  [["run", "--lock", "", ...URL, "--", "true"], 125, /--lock is empty/],
  [["run", "k", "--lock", "k", ...URL, "--", "true"], 125, /run takes no argument/],
  [["run", "--lock", "k", "--wait", "long", ...URL, "--", "true"], 125, /--wait must be a number of seconds, at least 0, or "forever"/],
  [["run", "--lock", "k", "--expire", "0", ...URL, "--", "true"], 125, /--expire must be a number of seconds, at least 1/],
  [["run", "--lock", "k", "--", "true"], 125, /no Redis is named/],
  [
    ["run", "--lock", "k", "--grace", "3000000", ...URL, "--", "true"],
    125,
    /--grace must be a number of seconds, at least 0 and at most 2147483;/,
  ],
];

for (const [args, code, message] of TABLE) {
  test(`"${args.join(" ")}" ends with ${code} and one line`, async () => {
    const ended = await cli(args);
    complainedOnce(ended, message);
    assert.equal(ended.code, code);
    assert.doesNotMatch(ended.stderr, new RegExp(SECRET));
  });
}

test("a variable that cannot be used is named, and its password is not shown", async () => {
  const ended = await cli(["list"], { env: { LOCKING_REDIS_URL: `redis://u:${SECRET}#@h` } });
  complainedOnce(ended, /LOCKING_REDIS_URL: it is not a valid URL/);
  assert.equal(ended.code, 2);
  assert.doesNotMatch(ended.stderr, new RegExp(SECRET));
});

test("LOCKING_REDIS_URL comes before REDIS_URL", async () => {
  const env = { LOCKING_REDIS_URL: "redis://", REDIS_URL: "http://h" };
  complainedOnce(await cli(["list"], { env }), /LOCKING_REDIS_URL: it names no host/);
  complainedOnce(await cli(["list"], { env: { REDIS_URL: "http://h" } }), /REDIS_URL: it has the scheme/);
});

test("a configuration without Medusa, with a fault, or without this provider is told in one line", async () => {
  const faulty = file("faulty.js", "throw new Error('on purpose')");
  complainedOnce(await cli(["list", "--config", faulty]), /@medusajs\/framework\) is not installed for/);
  fs.symlinkSync(path.join(INSTALLED, "node_modules"), path.join(folder, "node_modules"));
  complainedOnce(await cli(["list", "--config", faulty]), /faulty\.js cannot be read: on purpose/);
  const other = file("other.js", "module.exports = { modules: { locking: { resolve: 'x', options: { providers: [{ resolve: 'y' }] } } } }");
  const ended = await cli(["list", "--config", other]);
  complainedOnce(ended, /has no Locking Module with a provider "medusa-locking-redis"/);
  assert.equal(ended.code, 2);
});

test("an option of the wrong type in a configuration is named", async () => {
  const options = `{ redisUrl: "redis://127.0.0.1:1", redisOptions: { db: "one" } }`;
  const entry = `{ resolve: "medusa-locking-redis", id: "l", options: ${options} }`;
  const config = file(
    "wrong.js",
    `module.exports = { modules: [{ resolve: "@medusajs/medusa/locking", options: { providers: [${entry}] } }] }`,
  );
  const ended = await cli(["list", "--config", config]);
  complainedOnce(ended, /option "redisOptions\.db" must be a whole number/);
  assert.equal(ended.code, 2);
});
