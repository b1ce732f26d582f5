// The authorities that the client trusts if tls.ca is not set. The answers of a newer Node are tested in ../runtimes/authorities.test.mjs.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import tls from "node:tls";
import { folder, nameOf, textFile, trusted } from "./trusted.mjs";

const OLDER = "delete require('node:tls').getCACertificates;";
const NEWER = "const t = require('node:tls'); t.getCACertificates = (kind) => (kind === 'extra' ? [] : t.rootCertificates);";
const BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
const CERTIFICATES = tls.rootCertificates;
const [FIRST, SECOND] = CERTIFICATES;
const extra = textFile("extra.pem", FIRST, SECOND);

test("an older Node's own authorities are trusted, and those in the file that NODE_EXTRA_CA_CERTS names", async () => {
  assert.deepEqual(await trusted({ before: OLDER }), { names: CERTIFICATES.map(nameOf), warnings: [] });
  const { names, warnings } = await trusted({ before: OLDER, env: { NODE_EXTRA_CA_CERTS: extra } });
  assert.deepEqual([names.length, warnings], [CERTIFICATES.length + 2, []]);
});

test("on older Node a broken certificate in that file takes no other with it, and is warned of", async () => {
  const NODE_EXTRA_CA_CERTS = textFile("broken.pem", FIRST, BROKEN, SECOND);
  const { names, warnings } = await trusted({ before: OLDER, env: { NODE_EXTRA_CA_CERTS } });
  assert.equal(names.length, CERTIFICATES.length + 2);
  assert.deepEqual(names.slice(-2), [FIRST, SECOND].map(nameOf));
  assert.match(
    warnings.join(),
    /^The file that the environment variable NODE_EXTRA_CA_CERTS names has 1 of 3 certificates that cannot be read/,
  );
});

test("a file of no use is warned of, on older and newer Node", async () => {
  for (const NODE_EXTRA_CA_CERTS of [textFile("nothing.pem", "nothing"), path.join(folder, "missing.pem")]) {
    for (const before of [OLDER, NEWER]) {
      const { warnings } = await trusted({ before, env: { NODE_EXTRA_CA_CERTS } });
      assert.match(warnings.join(), /NODE_EXTRA_CA_CERTS names is ignored/);
    }
  }
});
