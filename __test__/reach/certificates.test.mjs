// The certificates that the client accepts, and the errors about the others.

import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { test } from "node:test";
import { PASSPHRASE } from "../../harness/certificates.mjs";
import { freePort } from "../../harness/redis-servers.mjs";
import { OURS_ONLY, openTestbed } from "../support/testbed.mjs";
import { failsToConnect, openTlsBed, takesALock } from "./support.mjs";

const bed = openTestbed();
const tls = await openTlsBed();
const { certificates } = tls;
const ca = certificates.pem("ca");
const [redis, expired, wrongName, selfSigned, versionOne, strict] = await Promise.all([
  tls.start(),
  tls.start({ certificate: "expired" }),
  tls.start({ certificate: "wrongName" }),
  tls.start({ certificate: "selfSigned" }),
  tls.start({ certificate: "versionOne" }),
  tls.start({ wantsClients: true }),
]);

function boot({ url }, options) {
  return bed.boot({ redisUrl: url, redisOptions: { tls: options } });
}

test("an authority as text, as Buffer, and one of several", async () => {
  for (const given of [ca, Buffer.from(ca), [certificates.pem("otherCa"), ca], `${certificates.pem("otherCa")}\n${ca}`]) {
    await takesALock(await boot(redis, { ca: given }), redis.server);
  }
});

test("an authority in DER, and a key as KeyObject", OURS_ONLY, async () => {
  const der = Buffer.from(ca.replace(/-----[^-]+-----|\s/g, ""), "base64");
  const identity = { cert: certificates.pem("client"), key: createPrivateKey(certificates.key("client")) };
  await takesALock(await boot(strict, { ca: der, ...identity }), strict.server);
});

test("a client's certificate, whose key may be encrypted", async () => {
  const [cert, key] = [certificates.pem("client"), certificates.key("client")];
  const encrypted = certificates.key("clientEncrypted");
  for (const identity of [
    { cert, key },
    { cert: Buffer.from(cert), key: Buffer.from(key) },
    { cert, key: encrypted, passphrase: PASSPHRASE },
    { cert, key: [{ pem: encrypted, passphrase: PASSPHRASE }] },
  ]) {
    await takesALock(await boot(strict, { ca, ...identity }), strict.server);
  }
});

test("a self-signed certificate that is named as its own authority, as openssl req -x509 makes it", async () => {
  await takesALock(await boot(selfSigned, { ca: certificates.pem("selfSigned") }), selfSigned.server);
});

test("a certificate that names its own authority has to be for the right name all the same", OURS_ONLY, async () => {
  const options = { ca: certificates.pem("selfSigned"), servername: "redis.example" };
  await failsToConnect(await boot(selfSigned, options), /for another name/);
  await takesALock(await boot(selfSigned, { ...options, skipHostnameCheck: true }), selfSigned.server);
});

test("with rejectUnauthorized: false any certificate is taken, and the log warns of it", OURS_ONLY, async () => {
  for (const server of [redis, expired, wrongName, selfSigned, versionOne]) {
    const booted = await boot(server, { rejectUnauthorized: false });
    await takesALock(booted, server.server);
    assert.match(booted.logText, /warn: .*rejectUnauthorized is false/);
  }
});

test("servername says for which name the certificate must be", async () => {
  await takesALock(await boot(wrongName, { ca, servername: "redis.example" }), wrongName.server);
});

test("with skipHostnameCheck the certificate may be for any name, and must be right otherwise", OURS_ONLY, async () => {
  await takesALock(await boot(wrongName, { ca, skipHostnameCheck: true }), wrongName.server);
  await failsToConnect(await boot(expired, { ca, skipHostnameCheck: true }), /has expired/);
  await failsToConnect(await boot(redis, { ca: certificates.pem("otherCa"), skipHostnameCheck: true }), /nobody who is trusted/);
});

test("an expired certificate", OURS_ONLY, async () => {
  await failsToConnect(await boot(expired, { ca }), /TLS with 127\.0\.0\.1:\d+ failed: the server's certificate has expired/);
});

test("a certificate of X.509 version 1", OURS_ONLY, async () => {
  await failsToConnect(await boot(versionOne, { ca }), /certificate is of X\.509 version 1, .*openssl x509 -req -extfile/);
});

test("a certificate for another name", OURS_ONLY, async () => {
  await failsToConnect(await boot(wrongName, { ca }), /certificate is for another name .*redis\.example.*tls\.servername/);
});

test("a certificate that nobody who is trusted has signed", OURS_ONLY, async () => {
  await failsToConnect(await boot(redis, { ca: certificates.pem("otherCa") }), /signed by nobody who is trusted here; .*tls\.ca/);
  await failsToConnect(await boot(redis, {}), /signed by nobody who is trusted here/);
  await failsToConnect(await boot(selfSigned, {}), /signed by nobody who is trusted here but by itself; .*tls\.ca/);
});

test("no certificate where the server wants one", OURS_ONLY, async () => {
  // The server's message may be lost with the connection.
  const wanted = /the server wants a client certificate; give tls\.cert and tls\.key|may want a client certificate \(tls\.cert/;
  await failsToConnect(await boot(strict, { ca }), wanted);
  await failsToConnect(await boot(strict, { ca, maxVersion: "TLSv1.2" }), /may want a client certificate \(tls\.cert and tls\.key\)/);
});

test("a certificate that the server does not trust", OURS_ONLY, async () => {
  const identity = { cert: certificates.pem("otherCa"), key: certificates.key("otherCa") };
  await failsToConnect(await boot(strict, { ca, ...identity }), /the server refused our client certificate/);
});

test("a server that speaks plain text", OURS_ONLY, async () => {
  const redisOptions = { connectTimeout: 1_000, tls: { ca } };
  const booted = await bed.boot({ redisUrl: `rediss://127.0.0.1:${redis.server.port}`, redisOptions });
  await failsToConnect(booted, /TLS with 127\.0\.0\.1:\d+ failed: .*speak TLS here/);
});

test("a server that speaks TLS, in plain text", OURS_ONLY, async () => {
  const booted = await bed.boot({ redisUrl: `redis://127.0.0.1:${redis.port}` });
  await failsToConnect(booted, /speaks TLS here[;,] use rediss:\/\//);
});

test("a port where nobody is", OURS_ONLY, async () => {
  const booted = await bed.boot({ redisUrl: `rediss://127.0.0.1:${await freePort()}`, redisOptions: { tls: { ca } } });
  await failsToConnect(booted, /connect ECONNREFUSED 127\.0\.0\.1:\d+/);
});

test("certificates and keys that do not belong together stop the boot, and show no key", OURS_ONLY, async () => {
  const tlsOptions = { ca, cert: certificates.pem("client"), key: certificates.key("server") };
  await assert.rejects(boot(strict, tlsOptions), (error) => {
    const shown = `${error.stack}${JSON.stringify(error)}${error.logs.map(({ text }) => text).join("\n")}`;
    assert.match(shown, /redisOptions\.tls/);
    assert.doesNotMatch(shown, /PRIVATE KEY/);
    return true;
  });
});
