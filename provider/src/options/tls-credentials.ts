import { createPrivateKey, KeyObject, X509Certificate } from "node:crypto";
import fs from "node:fs";
import tls from "node:tls";
import type { NativeTls } from "../../../native";
import { kindOf } from "../client/arguments";
import { optionError } from "../client/errors";
import { type OptionSource, optionalString } from "./option-values";

const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[\s\S]+?-----END \1-----/g;
const REVOCATION_LIST = /-----BEGIN X509 CRL-----[\s\S]+?-----END X509 CRL-----/g;

const EXTRA = "The file that the environment variable NODE_EXTRA_CA_CERTS names";

/** Node 22.15, 23.10 and newer list the authorities that they trust. The types of Node 20 do not have this function. */
type NodeTls = typeof tls & { getCACertificates?: (kind: "default" | "system" | "extra" | "bundled") => string[] };

/** @internal The authorities that Node trusts by default, in PEM. Adds a line to `warnings` for a file that cannot be used. */
export function defaultAuthorities(warnings: string[]): string[] {
  const node: NodeTls = tls;
  const file = process.env.NODE_EXTRA_CA_CERTS;
  if (!node.getCACertificates) {
    return [...tls.rootCertificates, ...(file ? extraAuthorities(file, warnings) : [])];
  }
  if (file && node.getCACertificates("extra").length === 0) {
    warnings.push(`${EXTRA} is ignored: Node read no certificates from it when it started.`);
  }
  const all = node.getCACertificates("default");
  const bundled = new Set(node.getCACertificates("bundled"));
  // With --use-openssl-ca, in any spelling, OpenSSL's store replaces Node's own. Then the list contains no certificate of either store.
  const usesOpenSslStore = !all.some((one) => bundled.has(one));
  // On Linux the system's certificates are in a file and in a folder, and often in both.
  return [...new Set(usesOpenSslStore ? [...all, ...openSslAuthorities(node.getCACertificates)] : all)];
}

/**
 * On macOS and Windows the system has a store of another kind. There OpenSSL reads the file that it is told; its other sources cannot be found from
 * here.
 */
function openSslAuthorities(getCACertificates: NonNullable<NodeTls["getCACertificates"]>): string[] {
  if (process.platform !== "darwin" && process.platform !== "win32") {
    return getCACertificates("system");
  }
  const file = process.env.SSL_CERT_FILE;
  try {
    return file ? usableIn(fs.readFileSync(file, "latin1")).usable : [];
  } catch {
    return [];
  }
}

/** As in Node, a file that cannot be used does not stop the boot. */
function extraAuthorities(file: string, warnings: string[]): string[] {
  let text = "";
  try {
    text = fs.readFileSync(file, "latin1");
  } catch {
    // The warning below reports this.
  }
  const { usable, broken } = usableIn(text);
  if (usable.length === 0) {
    warnings.push(`${EXTRA} is ignored: no certificates can be read from it.`);
  } else if (broken > 0) {
    warnings.push(`${EXTRA} has ${broken} of ${usable.length + broken} certificates that cannot be read; they are ignored.`);
  }
  return usable;
}

/** The certificates in a PEM text. A broken certificate does not affect the others. */
function usableIn(text: string): { usable: string[]; broken: number } {
  const usable: string[] = [];
  const found = text.match(CERTIFICATE) ?? [];
  for (const one of found) {
    try {
      usable.push(new X509Certificate(one).toString());
    } catch {
      // The difference of the two counts shows the broken ones.
    }
  }
  return { usable, broken: found.length - usable.length };
}

/** @internal The certificates in a text, a Buffer or a list of them: one by one, in PEM. */
export function readCertificates(option: string, value: unknown): string[] {
  const found = listOf(value).flatMap((part) => certificatesIn(option, part));
  if (found.length === 0) {
    throw optionError(option, "holds no certificate");
  }
  return found;
}

/** @internal The client's own certificate and its key, both in PEM and not encrypted. */
export function readIdentity({ values, label }: OptionSource): Pick<NativeTls, "certificate" | "key"> {
  // As in Node, an empty text means none.
  const certificate = values.cert || undefined;
  const key = values.key || undefined;
  const passphrase = optionalString(label("passphrase"), values.passphrase);
  if (certificate === undefined && key === undefined) {
    return {};
  }
  if (certificate === undefined || key === undefined) {
    throw optionError(label(certificate ? "cert" : "key"), `is of no use without tls.${certificate ? "key" : "cert"}`);
  }
  return {
    certificate: readCertificates(label("cert"), onlyOne(label("cert"), certificate)).join(""),
    key: readKey(label("key"), onlyOne(label("key"), key), passphrase),
  };
}

/** @internal The revocation lists in a text, a Buffer or a list of them: one by one, in PEM. */
export function readRevocationLists(option: string, value: unknown): string[] {
  return listOf(value || []).flatMap((part) => {
    const found = textOf(option, part).match(REVOCATION_LIST);
    if (!found) {
      throw optionError(option, "holds no revocation list in PEM (the text itself, not the name of a file)");
    }
    return found;
  });
}

function certificatesIn(option: string, part: unknown): string[] {
  const text = textOf(option, part);
  // A Buffer without PEM may be DER.
  const encoded = text.match(CERTIFICATE) ?? (ArrayBuffer.isView(part) ? [bytesOf(part)] : undefined);
  if (!encoded) {
    throw optionError(option, "holds no certificate in PEM (the text itself, not the name of a file)");
  }
  try {
    return encoded.map((one) => new X509Certificate(one).toString());
  } catch {
    throw optionError(option, "holds a certificate that cannot be read");
  }
}

function readKey(option: string, value: unknown, commonPassphrase: string | undefined): string {
  if (value instanceof KeyObject) {
    return exportKey(option, () => value);
  }
  // Node's form for several keys, each with its own password.
  const { pem, passphrase } = isKeyWithPassphrase(value) ? value : { pem: value, passphrase: undefined };
  const text = textOf(option, pem);
  const password = optionalString(`${option}.passphrase`, passphrase) ?? commonPassphrase;
  return exportKey(option, () => createPrivateKey({ key: text, ...(password === undefined ? {} : { passphrase: password }) }));
}

function exportKey(option: string, open: () => KeyObject): string {
  try {
    return open().export({ type: "pkcs8", format: "pem" }).toString();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MISSING_PASSPHRASE") {
      throw optionError(option, "is encrypted; give its password as tls.passphrase");
    }
    throw optionError(option, "cannot be read: it must be a private key in PEM and, if it is encrypted, tls.passphrase its password");
  }
}

function isKeyWithPassphrase(value: unknown): value is { pem: unknown; passphrase?: unknown } {
  return typeof value === "object" && value !== null && "pem" in value;
}

function onlyOne(option: string, value: unknown): unknown {
  const list = listOf(value);
  if (list.length !== 1) {
    throw optionError(option, `has ${list.length} entries; only one client certificate is supported`);
  }
  return list[0];
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}

function textOf(option: string, value: unknown): string {
  if (typeof value === "string") {
    return value;
  }
  if (!ArrayBuffer.isView(value)) {
    throw optionError(option, `must be a text or a Buffer, got ${kindOf(value)}`);
  }
  return bytesOf(value).toString("latin1");
}

function bytesOf(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
