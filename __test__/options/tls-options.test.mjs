// redisOptions.tls, as far as it can be tested without a server.

import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { after, beforeEach, test } from "node:test";
import tls from "node:tls";
import { inspect } from "node:util";
import { UNIX_SOCKETS } from "../../harness/system.mjs";
import { parse, provider, refusal } from "./support.mjs";

const { NODE_TLS_OPTIONS } = provider("options/node-tls-options");

const [CA, OTHER_CA] = tls.rootCertificates;
const SECRET = "hunter2";
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const KEY = privateKey.export({ type: "pkcs8", format: "pem" });
const OLD_FORM_KEY = privateKey.export({ type: "sec1", format: "pem" });
const ENCRYPTED_KEY = privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: SECRET });
const CRL = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----";

const { NODE_EXTRA_CA_CERTS, NODE_TLS_REJECT_UNAUTHORIZED } = process.env;

beforeEach(() => {
  delete process.env.NODE_EXTRA_CA_CERTS;
  delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
});

after(() => {
  Object.assign(process.env, NODE_EXTRA_CA_CERTS && { NODE_EXTRA_CA_CERTS });
  Object.assign(process.env, NODE_TLS_REJECT_UNAUTHORIZED && { NODE_TLS_REJECT_UNAUTHORIZED });
});

/** Returns the values that the addon gets for TLS options, and the warnings. */
function parseTls(options, url = "redis://h") {
  const { tls: told, warnings } = parse(url, { tls: options });
  return { ...told, warnings };
}

function assertRefused(options, name, text = "") {
  const error = refusal("redis://h", { tls: options });
  assert.equal(error?.code, "INVALID_OPTION", inspect(options));
  assert.ok(error.message.includes(name) && error.message.includes(text), error.message);
  assert.doesNotMatch(inspect(error, { depth: 8 }), new RegExp(SECRET));
}

test("without further options Node's authorities are trusted and everything is checked", () => {
  for (const options of [true, {}, "true", { ca: undefined, servername: null }]) {
    const { authorities, warnings, ...told } = parseTls(options);
    assert.ok(authorities.length > 0 && authorities.every((text) => text.startsWith("-----BEGIN CERTIFICATE-----")));
    assert.deepEqual(warnings, []);
    assert.deepEqual(told, {
      pinned: false,
      trust: "full",
      sendsName: true,
      tls12: true,
      tls13: true,
      ciphers: [],
      groups: [],
      protocols: [],
      revoked: [],
    });
  }
});

test("tls that is false or null is plain text, and refused where the URL asks for TLS", () => {
  for (const nothing of [false, null, "false"]) {
    assert.equal(parse("redis://h", { tls: nothing }).tls, undefined);
    for (const url of ["rediss://h", "redis://h?tls=true"]) {
      const { message } = refusal(url, { tls: nothing });
      assert.match(message, /redisOptions\.tls.*plain text.*Use redis:\/\//);
    }
  }
  assert.equal(parse("rediss://h", { tls: undefined }).tls.trust, "full");
  assert.match(refusal("redis://h?tls=false", { tls: {} }).message, /redisOptions\.tls.*tls=false/);
});

test("a profile is refused with what to do instead", () => {
  for (const profile of ["RedisCloudFixed", { profile: "RedisCloudFlexible" }]) {
    assertRefused(profile, "redisOptions.tls", "is not supported, pass tls.ca");
  }
});

test("ca stands in place of Node's authorities, in every form that Node takes, and in DER", () => {
  const pem = (text) => new X509Certificate(text).toString();
  const forms = [
    [CA, [CA]],
    [Buffer.from(CA), [CA]],
    [
      [CA, Buffer.from(OTHER_CA)],
      [CA, OTHER_CA],
    ],
    [`# first\n${CA}\n# second\n${OTHER_CA}\n`, [CA, OTHER_CA]],
    [new X509Certificate(CA).raw, [CA]],
    [CA.replaceAll(" CERTIFICATE", " X509 CERTIFICATE"), [CA]],
  ];
  for (const [ca, expected] of forms) {
    const { authorities, pinned, warnings } = parseTls({ ca });
    assert.deepEqual(authorities, expected.map(pem));
    assert.deepEqual([pinned, warnings], [true, []]);
  }
  assert.equal(parseTls({ ca: "" }).pinned, false);
});

test("a ca without a certificate that can be read is refused by name", () => {
  for (const ca of ["/etc/ssl/ca.pem", [], [CA, "x"], Buffer.from("x"), 5, {}, KEY, CA.replace(/[A-Z]/g, "A")]) {
    assertRefused({ ca }, "redisOptions.tls.ca");
  }
});

test("cert and key are taken in every form, and the key goes on without a password", () => {
  const keys = [
    [KEY],
    [Buffer.from(KEY)],
    [[KEY]],
    [OLD_FORM_KEY],
    [privateKey],
    [KEY, "of no use"],
    [ENCRYPTED_KEY, SECRET],
    [[{ pem: ENCRYPTED_KEY, passphrase: SECRET }]],
    [[{ pem: Buffer.from(ENCRYPTED_KEY) }], SECRET],
    [[{ pem: KEY }]],
  ];
  for (const [key, passphrase] of keys) {
    const told = parseTls({ cert: [CA], key, passphrase });
    assert.ok(createPrivateKey(told.key).equals(privateKey));
    assert.match(told.key, /^-----BEGIN PRIVATE KEY-----/);
    assert.equal(new X509Certificate(told.certificate).fingerprint256, new X509Certificate(CA).fingerprint256);
  }
});

test("a certificate's chain goes with it", () => {
  assert.equal(parseTls({ cert: `${CA}\n${OTHER_CA}`, key: KEY }).certificate.match(/BEGIN CERTIFICATE/g).length, 2);
});

test("a certificate or key that cannot be used is refused by name, and no secret is told", () => {
  assertRefused({ cert: CA }, "redisOptions.tls.cert", "without tls.key");
  assertRefused({ key: KEY }, "redisOptions.tls.key", "without tls.cert");
  assertRefused({ cert: SECRET, key: KEY }, "redisOptions.tls.cert");
  assertRefused({ cert: CA, key: SECRET }, "redisOptions.tls.key", "cannot be read");
  assertRefused({ cert: CA, key: ENCRYPTED_KEY }, "redisOptions.tls.key", "tls.passphrase");
  assertRefused({ cert: CA, key: ENCRYPTED_KEY, passphrase: `${SECRET}x` }, "redisOptions.tls.key", "tls.passphrase");
  assertRefused({ cert: CA, key: [{ pem: ENCRYPTED_KEY, passphrase: 5 }] }, "redisOptions.tls.key");
  assertRefused({ cert: CA, key: { secret: SECRET } }, "redisOptions.tls.key", "an object");
  assertRefused({ cert: [CA, OTHER_CA], key: KEY }, "redisOptions.tls.cert", "only one client certificate");
  assertRefused({ cert: CA, key: [KEY, KEY] }, "redisOptions.tls.key", "only one client certificate");
});

test("certificates are not checked where rejectUnauthorized or the environment says so, with a warning", () => {
  const blind = parseTls({ rejectUnauthorized: false, ca: CA });
  assert.equal(blind.trust, "blind");
  assert.match(blind.warnings.join(), /redisOptions\.tls\.rejectUnauthorized.*not checked/);
  assert.equal(parseTls({ rejectUnauthorized: true }).trust, "full");
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  const byEnvironment = parseTls(undefined, "rediss://h");
  assert.equal(byEnvironment.trust, "blind");
  assert.match(byEnvironment.warnings.join(), /NODE_TLS_REJECT_UNAUTHORIZED/);
  for (const rejectUnauthorized of [true, null]) {
    assert.deepEqual([parseTls({ rejectUnauthorized }).trust, parseTls({ rejectUnauthorized }).warnings], ["full", []]);
  }
});

test("checkServerIdentity is refused with what to use instead, which takes any name", () => {
  assertRefused({ checkServerIdentity: () => undefined }, "redisOptions.tls.checkServerIdentity", "skipHostnameCheck");
  assert.equal(parseTls({ skipHostnameCheck: true }).trust, "anyName");
  assert.equal(parseTls({ skipHostnameCheck: true, rejectUnauthorized: false }).trust, "blind");
  assert.equal(parseTls({ skipHostnameCheck: false, checkServerIdentity: undefined }).trust, "full");
});

test("servername is the name to expect and to tell; an empty one tells none", () => {
  const named = parseTls({ servername: "redis.example" });
  assert.deepEqual([named.serverName, named.sendsName], ["redis.example", true]);
  const silent = parseTls({ servername: "" });
  assert.deepEqual(["serverName" in silent, silent.sendsName], [false, false]);
});

test("versions are those from minVersion to maxVersion, or of secureProtocol", () => {
  const cases = [
    [{ minVersion: "TLSv1" }, [true, true]],
    [{ minVersion: "TLSv1.2" }, [true, true]],
    [{ minVersion: "TLSv1.3" }, [false, true]],
    [{ maxVersion: "TLSv1.2" }, [true, false]],
    [{ minVersion: "TLSv1.3", maxVersion: "TLSv1.3" }, [false, true]],
    [{ secureProtocol: "TLS_method" }, [true, true]],
    [{ secureProtocol: "SSLv23_method" }, [true, true]],
    [{ secureProtocol: "TLSv1_2_method" }, [true, false]],
  ];
  for (const [options, expected] of cases) {
    const { tls12, tls13 } = parseTls(options);
    assert.deepEqual([tls12, tls13], expected, inspect(options));
  }
  assertRefused({ maxVersion: "TLSv1.1" }, "redisOptions.tls.maxVersion", "TLS 1.0/1.1 are not available");
  assertRefused({ minVersion: "TLSv1.3", maxVersion: "TLSv1.2" }, "redisOptions.tls.minVersion");
  assertRefused({ minVersion: "1.2" }, "redisOptions.tls.minVersion");
  assertRefused({ secureProtocol: "TLSv1_method" }, "redisOptions.tls.secureProtocol");
  assertRefused({ secureProtocol: "TLS_method", minVersion: "TLSv1.2" }, "redisOptions.tls.secureProtocol");
});

test("cipher suites are those that rustls has, by their IANA names", () => {
  const cases = {
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256": ["TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"],
    "ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
    "ecdhe-ecdsa-chacha20-poly1305": ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"],
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"],
    "": [],
  };
  for (const [ciphers, expected] of Object.entries(cases)) {
    const told = parseTls({ ciphers });
    assert.deepEqual([told.ciphers, told.warnings], [expected, []], ciphers);
  }
  for (const ciphers of ["HIGH:!aNULL", "DEFAULT@SECLEVEL=0", "EECDH+AESGCM", tls.DEFAULT_CIPHERS]) {
    const told = parseTls({ ciphers });
    assert.deepEqual(told.ciphers, []);
    assert.match(told.warnings.join(), /redisOptions\.tls\.ciphers/);
  }
  assertRefused({ ciphers: "AES256-SHA:DHE-RSA-AES128-SHA" }, "redisOptions.tls.ciphers", "none of tls.ciphers is available in rustls");
});

test("key exchange groups are those that rustls has", () => {
  const cases = {
    auto: [],
    X25519: ["X25519"],
    "prime256v1:P-256": ["secp256r1"],
    "P-521:P-384:secp384r1": ["secp384r1"],
  };
  for (const [ecdhCurve, expected] of Object.entries(cases)) {
    assert.deepEqual(parseTls({ ecdhCurve }).groups, expected);
  }
  assertRefused({ ecdhCurve: "P-521" }, "redisOptions.tls.ecdhCurve", "none of tls.ecdhCurve");
});

test("protocols for ALPN are names, or bytes with their lengths", () => {
  assert.deepEqual(parseTls({ ALPNProtocols: ["redis", "x"] }).protocols, ["redis", "x"]);
  assert.deepEqual(parseTls({ ALPNProtocols: Buffer.from("\x05redis\x01x") }).protocols, ["redis", "x"]);
  for (const ALPNProtocols of ["redis", [""], [5], ["x".repeat(256)], Buffer.from([0])]) {
    assertRefused({ ALPNProtocols }, "redisOptions.tls.ALPNProtocols");
  }
});

test("revocation lists are taken in PEM", () => {
  assert.deepEqual(parseTls({ crl: [CRL, Buffer.from(`${CRL}\n${CRL}`)] }).revoked, [CRL, CRL, CRL]);
  for (const crl of ["list.pem", CA, 5, [Buffer.from([48, 0])]]) {
    assertRefused({ crl }, "redisOptions.tls.crl");
  }
});

test("where to connect stands in tls, too, and counts more there", () => {
  const inside = { host: "inside", port: "7", family: 6, localAddress: "::1" };
  const { host, port, family, localAddress } = parse("rediss://outside:5?family=4", { tls: inside });
  assert.deepEqual({ host, port, family, localAddress }, { ...inside, port: 7 });
  const outer = parse("rediss://outside:5", { tls: { host: undefined, port: null } });
  assert.deepEqual([outer.host, outer.port, "localAddress" in outer], ["outside", 5, false]);
  for (const [name, value] of [
    ["host", "redis://x"],
    ["port", "x"],
    ["family", 5],
    ["localAddress", "name"],
  ]) {
    assertRefused({ [name]: value }, `redisOptions.tls.${name}`);
  }
});

test("a port to connect from is refused with what to do instead: only one of the connections of an instance could have it", () => {
  for (const localPort of [6000, "6000", 65_536]) {
    assertRefused({ localPort }, "redisOptions.tls.localPort", "Leave it out; tls.localAddress names the address");
  }
  for (const localPort of [0, "0", null, undefined]) {
    assert.deepEqual(parseTls({ localPort }).warnings, []);
  }
  const sentinels = { sentinels: [{ host: "h" }], name: "m", enableTLSForSentinelMode: true, sentinelTLS: { localPort: 6000 } };
  assert.match(refusal("redis://h", sentinels).message, /redisOptions\.sentinelTLS\.localPort/);
});

test("a Unix socket may be inside tls, and TLS goes over one outside", UNIX_SOCKETS, () => {
  assert.equal(parse("rediss://h", { tls: { path: "/run/redis.sock" } }).path, "/run/redis.sock");
  const { path: socket, tls: told } = parse("/run/redis.sock", { tls: {} });
  assert.deepEqual([socket, told.trust], ["/run/redis.sock", "full"]);
});

test("every other TLS option of Node is ignored, warned of or refused, by name", () => {
  for (const { name, treatment } of NODE_TLS_OPTIONS.values()) {
    if (treatment === "ignored") {
      assert.deepEqual(parseTls({ [name]: {} }).warnings, [], name);
    } else if (treatment === "warned") {
      assert.match(parseTls({ [name]: {} }).warnings.join(), new RegExp(`^redisOptions\\.tls\\.${name} [^,]*$`));
    } else if (treatment === "refused") {
      assertRefused({ [name]: {} }, `redisOptions.tls.${name}`);
      assert.deepEqual(parseTls({ [name]: undefined }).warnings, []);
    }
  }
  assert.deepEqual(parseTls({ hots: 1 }).warnings, ["redisOptions.tls.hots is not a TLS option, ignored."]);
});
