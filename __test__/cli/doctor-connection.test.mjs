// The doctor on set-ups that do not connect: its findings, which show no password.

import assert from "node:assert/strict";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { after, test } from "node:test";
import { INSTALLED } from "../../harness/installed.mjs";
import { freePort, startServer } from "../../harness/redis-servers.mjs";
import { openTlsBed } from "../reach/support.mjs";
import { cli, doctor } from "./support.mjs";

const SECRET = "s3cret";
const tls = await openTlsBed();
const { certificates } = tls;
const [plain, locked, secure, expired, wrongName, strict] = await Promise.all([
  startServer(),
  startServer({ args: ["--requirepass", SECRET] }),
  tls.start(),
  tls.start({ certificate: "expired" }),
  tls.start({ certificate: "wrongName" }),
  tls.start({ wantsClients: true }),
]);
after(async () => {
  await plain.stop();
  await locked.stop();
});

const trusting = { env: { NODE_EXTRA_CA_CERTS: certificates.file("ca") } };

/** Asserts one problem with advice, the exit code for a Redis that cannot be reached, and no password in the output. */
async function finds(id, url, text, options) {
  const { code, ids, find, findings } = await doctor(["--url", url], options);
  assert.deepEqual(ids, [id]);
  assert.equal(code, 3);
  assert.equal(find(id).level, "problem");
  assert.match(find(id).text, text);
  assert.ok(find(id).advice.length > 10);
  assert.doesNotMatch(JSON.stringify(findings), new RegExp(SECRET));
}

test("nobody listens there", async () => {
  await finds("connection-refused", `redis://u:${SECRET}@127.0.0.1:${await freePort()}`, /ECONNREFUSED 127\.0\.0\.1:\d+/);
  await finds("connection-refused", "/nowhere/redis.sock", /ENOENT .*\/nowhere\/redis\.sock/);
});

test("a server that accepts connections and does not answer", async () => {
  const silent = net.createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  try {
    await finds("connection-timeout", `redis://127.0.0.1:${silent.address().port}?connectTimeout=300&commandTimeout=300`, /./);
  } finally {
    silent.close();
  }
});

test("a host that no name server knows", async () => {
  await finds("host-unknown", "redis://no-such-host.invalid:6379", /no-such-host\.invalid.* could not be resolved/);
});

test("no password where one is needed", async () => {
  await finds("password-missing", `redis://127.0.0.1:${locked.port}`, /asks for a password and none was given: NOAUTH/);
});

test("a wrong password, and a user that is not there", async () => {
  await finds("password-wrong", `redis://:${SECRET}2@127.0.0.1:${locked.port}`, /WRONGPASS/);
  await finds("password-wrong", `redis://nobody:${SECRET}@127.0.0.1:${locked.port}`, /WRONGPASS/);
});

test("a server that speaks TLS, in plain text", async () => {
  await finds("tls-needed", `redis://127.0.0.1:${secure.port}`, /server speaks TLS, the URL says plain text/);
});

test("a server that speaks plain text, by TLS", async () => {
  await finds("tls-not-spoken", `rediss://127.0.0.1:${plain.port}?connectTimeout=1000`, /speak TLS here/);
});

test("an expired certificate", async () => {
  await finds("certificate-expired", expired.url, /certificate has expired/, trusting);
});

test("a certificate for another name", async () => {
  await finds("certificate-name", wrongName.url, /certificate is for another name/, trusting);
});

test("a certificate of an authority that is not trusted", async () => {
  await finds("certificate-untrusted", secure.url, /signed by nobody who is trusted here/);
});

test("no certificate where the server wants one", async () => {
  await finds("client-certificate", strict.url, /wants a certificate of its clients/, trusting);
});

test("a database that the server does not have", async () => {
  await finds("database-refused", `redis://127.0.0.1:${plain.port}/99`, /DB index is out of range|refused database 99/);
});

test("the option cluster for a server that is none", async () => {
  const { code, ids } = await doctor(["--url", plain.url, "--cluster"]);
  assert.deepEqual([code, ids], [3, ["not-a-cluster"]]);
});

test("TLS that works, by the authority of NODE_EXTRA_CA_CERTS", async () => {
  const { code, ids } = await doctor(["--url", secure.url], trusting);
  assert.deepEqual([code, ids], [1, ["instances-none", "server-not-persistent"]]);
});

test("a password that is right is in no output", async () => {
  const { code, find } = await doctor(["--url", locked.url]);
  assert.equal(code, 1);
  assert.equal(find("connected").level, "ok");
  const { stdout, stderr } = await cli(["doctor", "--url", locked.url]);
  assert.doesNotMatch(stdout + stderr, new RegExp(SECRET));
});

test("for people each finding has its level, its id, a text and an advice", async () => {
  const { code, stdout } = await cli(["doctor", "--url", `redis://127.0.0.1:${await freePort()}`]);
  assert.equal(code, 3);
  const [head, text, ...rest] = stdout.split("\n");
  assert.equal(head, "problem  connection-refused");
  assert.match(text, /^ {9}Nothing listens at that address: connect ECONNREFUSED 127\.0\.0\.1:\d+$/);
  assert.equal(stdout.match(/nothing\s+listens/gi).length, 1);
  assert.match(rest.join("\n"), /^ {9}Do: \S[^\n]*\n\n1 problem, 0 warnings, 0 notes\.\n$/m);
});

test("other commands say in one line why there is no Redis, and end with 3", async () => {
  const port = await freePort();
  for (const args of [["list"], ["show", "k"], ["top"], ["watch"], ["release", "k", "--yes"]]) {
    const ended = await cli([...args, "--url", `redis://u:${SECRET}@127.0.0.1:${port}`]);
    assert.equal(ended.code, 3, args[0]);
    assert.match(ended.stderr, /^medusa-locking-redis: [^\n]*ECONNREFUSED[^\n]*\n$/);
    assert.equal(ended.stdout, "");
  }
});

/** Writes a configuration with these options, which are JavaScript, and returns its path. */
function configured(name, options) {
  const file = path.join(certificates.folder, name);
  const entry = `{ resolve: "medusa-locking-redis", id: "locking-redis", options: ${options} }`;
  fs.writeFileSync(
    file,
    `module.exports = { modules: { locking: { resolve: "@medusajs/medusa/locking", options: { providers: [${entry}] } } } }`,
  );
  const modules = path.join(certificates.folder, "node_modules");
  if (!fs.existsSync(modules)) fs.symlinkSync(path.join(INSTALLED, "node_modules"), modules);
  return file;
}

test("options of a configuration count, certificates too", async () => {
  const ca = `require("node:fs").readFileSync(${JSON.stringify(certificates.file("ca"))})`;
  const file = configured("tls.js", `{ redisUrl: ${JSON.stringify(secure.url)}, redisOptions: { tls: { ca: ${ca} } } }`);
  const { code, find } = await doctor(["--config", file]);
  assert.equal(code, 1);
  assert.equal(find("connected").level, "ok");
});

test("Sentinels that do not answer", async () => {
  const sentinels = `[{ host: "127.0.0.1", port: ${await freePort()} }]`;
  const file = configured("sentinels.js", `{ redisUrl: "redis://unused", redisOptions: { sentinels: ${sentinels}, name: "mymaster" } }`);
  const { code, ids, find } = await doctor(["--config", file]);
  assert.deepEqual([code, ids], [3, ["sentinels"]]);
  assert.match(find("sentinels").text, /ECONNREFUSED/);
});
