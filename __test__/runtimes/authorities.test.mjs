// The authorities that the client trusts on a Node that reports the authorities it trusts itself.

import assert from "node:assert/strict";
import fs from "node:fs";
import { after, test } from "node:test";
import tls from "node:tls";
import { makeCertificates } from "../../harness/certificates.mjs";
import { ensureNode } from "../../harness/node-binaries.mjs";
import { folder, nameOf, textFile, trusted } from "../options/trusted.mjs";

const own = await makeCertificates();
after(() => own.remove());
/** One authority that Node has, and one that nobody else has. */
const two = [tls.rootCertificates[0], fs.readFileSync(own.file("ca"), "utf8")];
const expected = two.map(nameOf).sort();
const file = textFile("two.pem", ...two);
const ofSystem = { SSL_CERT_FILE: file, SSL_CERT_DIR: folder };
const node = await ensureNode("24");

test("SSL_CERT_FILE counts only where Node looks into OpenSSL's store or the system's", async () => {
  const { names } = await trusted({ node });
  assert.ok(names.length > 100);
  assert.ok(!names.includes(nameOf(two[1])));
  assert.deepEqual(await trusted({ node, env: ofSystem }), { names, warnings: [] });
});

test("--use-openssl-ca stands in place of Node's own authorities", async () => {
  assert.deepEqual((await trusted({ node, args: ["--use-openssl-ca"], env: ofSystem })).names.sort(), expected);
  for (const NODE_OPTIONS of ["--use-openssl-ca", "--use_openssl_ca", '"--use-openssl-ca"']) {
    assert.deepEqual((await trusted({ node, env: { ...ofSystem, NODE_OPTIONS } })).names.sort(), expected, NODE_OPTIONS);
  }
});

test("--use-system-ca adds those of the system, and nobody is told to the addon twice", async () => {
  const { names } = await trusted({ node, args: ["--use-system-ca"], env: { ...ofSystem, NODE_EXTRA_CA_CERTS: file } });
  assert.ok(names.length > 100 && expected.every((name) => names.includes(name)));
  assert.equal(new Set(names).size, names.length);
});
