// The authorities that another process trusts. The process has its own Node, flags and environment.

import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after } from "node:test";
import { promisify } from "node:util";
import { ROOT } from "../../harness/paths.mjs";

const SUPPORT = path.join(ROOT, "__test__", "options", "support.mjs");
const NONE = { NODE_EXTRA_CA_CERTS: undefined, SSL_CERT_FILE: undefined, SSL_CERT_DIR: undefined, NODE_OPTIONS: undefined };

/** A folder that exists while the tests of a file run. */
export const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlr-authorities-"));
after(() => fs.rmSync(folder, { recursive: true }));

/** Writes the parts into a file in the folder, and returns its path. */
export function textFile(name, ...parts) {
  const full = path.join(folder, name);
  fs.writeFileSync(full, parts.join("\n"));
  return full;
}

/** The fingerprint that names a certificate in PEM. */
export function nameOf(text) {
  return new X509Certificate(text).fingerprint256;
}

/**
 * @param {object} options
 * @param {string} [options.node] the program; default this one
 * @param {string[]} [options.args] Node's flags
 * @param {Record<string, string>} [options.env] added to the environment, which names no authorities otherwise
 * @param {string} [options.before] a script that runs first
 * @returns {Promise<{ names: string[], warnings: string[] }>} the authorities by fingerprint, and the warnings of the options' parser
 */
export async function trusted({ node = process.execPath, args = [], env = {}, before = "" }) {
  const script = `${before}
    import(${JSON.stringify(SUPPORT)}).then(({ parse }) => {
      const { tls, warnings } = parse("rediss://h", { tls: {} });
      console.log(JSON.stringify({ authorities: tls.authorities, warnings }));
    });`;
  const { stdout } = await promisify(execFile)(node, [...args, "-e", script], { env: { ...process.env, ...NONE, ...env }, maxBuffer: 1e8 });
  const { authorities, warnings } = JSON.parse(stdout);
  return { names: authorities.map(nameOf), warnings };
}
