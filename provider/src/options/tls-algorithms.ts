import type { NativeTls } from "../../../native";
import { kindOf } from "../client/arguments";
import { optionError } from "../client/errors";
import { type OptionSource, optionalString } from "./option-values";

/** The cipher suites of rustls, by OpenSSL's names. Those of TLS 1.3 have the same name everywhere. */
const SUITES: Record<string, string> = {
  TLS_AES_128_GCM_SHA256: "TLS_AES_128_GCM_SHA256",
  TLS_AES_256_GCM_SHA384: "TLS_AES_256_GCM_SHA384",
  TLS_CHACHA20_POLY1305_SHA256: "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
};

/** The key exchange groups of rustls, by OpenSSL's names. */
const GROUPS: Record<string, string> = {
  X25519: "X25519",
  PRIME256V1: "secp256r1",
  "P-256": "secp256r1",
  SECP384R1: "secp384r1",
  "P-384": "secp384r1",
};

const VERSIONS = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const [TLS12, TLS13] = [2, 3];

type Algorithms = Pick<NativeTls, "tls12" | "tls13" | "ciphers" | "groups" | "protocols">;

/** @internal Reads Node's options about protocol versions and algorithms. */
export function readAlgorithms({ values, label }: OptionSource, warnings: string[]): Algorithms {
  const string = (name: string) => optionalString(label(name), values[name]);
  return {
    ...readVersions(string, label),
    ciphers: readCiphers(label("ciphers"), string("ciphers"), warnings),
    groups: readGroups(label("ecdhCurve"), string("ecdhCurve")),
    protocols: readProtocols(label("ALPNProtocols"), values.ALPNProtocols),
  };
}

function readVersions(string: (name: string) => string | undefined, label: (name: string) => string): Pick<Algorithms, "tls12" | "tls13"> {
  const method = string("secureProtocol");
  if (method) {
    const only12 = /^TLSv1_2_(client_)?method$/.test(method);
    if (!only12 && !/^(TLS|SSLv23)_(client_)?method$/.test(method)) {
      throw optionError(
        label("secureProtocol"),
        "must be TLS_method, SSLv23_method or TLSv1_2_method; use tls.minVersion and tls.maxVersion",
      );
    }
    if (string("minVersion") || string("maxVersion")) {
      throw optionError(label("secureProtocol"), "cannot stand beside tls.minVersion and tls.maxVersion");
    }
    return { tls12: true, tls13: !only12 };
  }
  const version = (name: string) => {
    const given = string(name);
    if (given && !VERSIONS.includes(given)) {
      throw optionError(label(name), `must be one of ${VERSIONS.join(", ")}`);
    }
    return given ? VERSIONS.indexOf(given) : undefined;
  };
  const least = version("minVersion") ?? TLS12;
  const most = version("maxVersion") ?? TLS13;
  if (most < TLS12) {
    throw optionError(label("maxVersion"), "cannot be so low: TLS 1.0/1.1 are not available");
  }
  if (least > most) {
    throw optionError(label("minVersion"), "is above tls.maxVersion");
  }
  return { tls12: least <= TLS12, tls13: most >= TLS13 };
}

function readCiphers(option: string, list: string | undefined, warnings: string[]): string[] {
  const names = split(list);
  // A name of a cipher suite has several parts. A keyword has one part, or begins with a sign.
  if (names.some((name) => !/^[A-Z0-9]+([-_][A-Z0-9]+)+$/.test(name))) {
    warnings.push(`${option} has keywords of OpenSSL, which rustls does not know: its default cipher suites are used.`);
    return [];
  }
  const known = new Set(Object.values(SUITES));
  return someOf(option, names, (name) => SUITES[name] ?? (known.has(name) ? name : undefined));
}

function readGroups(option: string, list: string | undefined): string[] {
  return list === "auto" ? [] : someOf(option, split(list), (name) => GROUPS[name]);
}

function split(list: string | undefined): string[] {
  return (list ?? "")
    .toUpperCase()
    .split(/[:, ]+/)
    .filter((name) => name !== "");
}

/** The names that rustls knows among these. An empty list means all. */
function someOf(option: string, names: string[], find: (name: string) => string | undefined): string[] {
  const found = new Set(names.map(find).filter((name) => name !== undefined));
  if (names.length > 0 && found.size === 0) {
    throw optionError(option, `cannot be used: none of tls.${option.slice(option.lastIndexOf(".") + 1)} is available in rustls`);
  }
  return [...found];
}

/** A list of names. Node also accepts their bytes, with the length before each name. */
function readProtocols(option: string, value: unknown): string[] {
  if (value === undefined || value === null) {
    return [];
  }
  const names = ArrayBuffer.isView(value) ? namesIn(Buffer.from(value.buffer, value.byteOffset, value.byteLength)) : value;
  if (!Array.isArray(names)) {
    throw optionError(option, `must be a list of names, got ${kindOf(value)}`);
  }
  if (!names.every((name) => typeof name === "string" && name !== "" && Buffer.byteLength(name) < 256)) {
    throw optionError(option, "must have names of 1 to 255 bytes only");
  }
  return names;
}

function namesIn(bytes: Buffer): string[] {
  const names: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = at + 1 + (bytes[at] ?? 0);
    names.push(bytes.toString("utf8", at + 1, end));
    at = end;
  }
  return names;
}
