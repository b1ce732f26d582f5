// Certificates for private servers, made with the openssl program: for the tests and the benchmark.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { findOnPath, runOrFail, UserError } from "./process.mjs";

/** The password of the encrypted key. */
export const PASSPHRASE = "open sesame";

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
const HERE = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1";

/** The configuration that `openssl ca` needs. Only this command can date a certificate back. */
const CONFIG = `[ca]
default_ca = it
[it]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
`;

/**
 * Makes these certificates in a new folder:
 * - `ca`, an authority, and `otherCa`, another one;
 * - signed by `ca`: `server` (for localhost and 127.0.0.1), `expired` (of the year 2020), `wrongName` (for redis.example only), `client`;
 * - `versionOne`, signed by `ca`, of X.509 version 1;
 * - `clientEncrypted`: the client's key, encrypted with PASSPHRASE;
 * - `selfSigned`, for localhost, as `openssl req -x509` makes it.
 *
 * @returns {Promise<Certificates>} once they are made
 * @throws {UserError} when there is no openssl, or it fails
 */
export async function makeCertificates() {
  if (!findOnPath("openssl")) throw new UserError("openssl is not on the PATH: it is needed to make certificates");
  const certificates = new Certificates(fs.mkdtempSync(path.join(os.tmpdir(), "mlr-certificates-")));
  try {
    await certificates.make();
  } catch (error) {
    certificates.remove();
    throw error;
  }
  return certificates;
}

class Certificates {
  constructor(folder) {
    this.folder = folder;
  }

  /** The file with the certificate. */
  file(name) {
    return path.join(this.folder, `${name}.pem`);
  }

  /** The file with its key. */
  keyFile(name) {
    return path.join(this.folder, `${name}.key`);
  }

  /** The text of the certificate. */
  pem(name) {
    return fs.readFileSync(this.file(name), "utf8");
  }

  /** The text of its key. */
  key(name) {
    return fs.readFileSync(this.keyFile(name), "utf8");
  }

  /**
   * Arguments for a server that speaks TLS on `port`, beside plain text on its own.
   *
   * @param {number} port
   * @param {object} [options]
   * @param {string} [options.certificate] the certificate that the server shows; default "server"
   * @param {boolean} [options.wantsClients] the server asks its clients for a certificate of `ca`; default false
   */
  serverArgs(port, { certificate = "server", wantsClients = false } = {}) {
    const own = ["--tls-cert-file", this.file(certificate), "--tls-key-file", this.keyFile(certificate)];
    const clients = ["--tls-ca-cert-file", this.file("ca"), "--tls-auth-clients", wantsClients ? "yes" : "no"];
    return ["--tls-port", String(port), ...own, ...clients];
  }

  /** Removes the folder. */
  remove() {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  /** Makes all certificates; used by `makeCertificates`. */
  async make() {
    fs.writeFileSync(path.join(this.folder, "ca.conf"), CONFIG);
    fs.writeFileSync(path.join(this.folder, "index.txt"), "");
    for (const name of ["ca", "otherCa"]) await this.#selfSigned(name, name, []);
    await this.#selfSigned("selfSigned", "localhost", ["-addext", HERE]);
    const years = (from, to) => ["-startdate", `${from}0101000000Z`, "-enddate", `${to}0101000000Z`];
    await this.#signed("server", HERE, years(2020, 2120));
    await this.#signed("expired", HERE, years(2020, 2021));
    await this.#signed("wrongName", "subjectAltName=DNS:redis.example", years(2020, 2120));
    await this.#signed("client", "extendedKeyUsage=clientAuth", years(2020, 2120));
    await this.#versionOne("versionOne");
    const key = ["-in", "client.key", "-topk8", "-v2", "aes-256-cbc", "-passout", `pass:${PASSPHRASE}`, "-out", "clientEncrypted.key"];
    await this.#openssl("pkcs8", ...key);
  }

  #selfSigned(name, commonName, more) {
    const files = ["-keyout", `${name}.key`, "-out", `${name}.pem`];
    return this.#openssl("req", "-x509", ...EC, "-nodes", ...files, "-subj", `/CN=${commonName}`, "-days", "30", ...more);
  }

  async #signed(name, extension, dates) {
    await this.#openssl("req", "-new", ...EC, "-nodes", "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    fs.writeFileSync(path.join(this.folder, `${name}.ext`), extension);
    const issuer = ["-batch", "-notext", "-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key"];
    await this.#openssl("ca", ...issuer, ...dates, "-extfile", `${name}.ext`, "-in", `${name}.csr`, "-out", `${name}.pem`);
  }

  async #versionOne(name) {
    await this.#openssl("req", "-new", ...EC, "-nodes", "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    const issuer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "1", "-days", "30"];
    await this.#openssl("x509", "-req", ...issuer, "-in", `${name}.csr`, "-out", `${name}.pem`);
  }

  #openssl(...args) {
    return runOrFail("making certificates", "openssl", args, { cwd: this.folder });
  }
}
