import net from "node:net";
import { type NativeOptions, type NativeTls, NativeTrust } from "../../../native";
import { optionError } from "../client/errors";
import { type Address, readAddress } from "./connection-options";
import { NODE_TLS_OPTIONS } from "./node-tls-options";
import { judgeOption } from "./option-table";
import { type OptionSource, optionalBoolean, optionalString, withoutUndefined } from "./option-values";
import { readAlgorithms } from "./tls-algorithms";
import { defaultAuthorities, readCertificates, readIdentity, readRevocationLists } from "./tls-credentials";

type LocalAddress = Pick<NativeOptions, "localAddress">;

/** @internal `redisOptions.tls`, parsed. */
export interface TlsSettings {
  /** If it is absent, the connection is in plain text. */
  tls?: NativeTls;
  /** Where to connect, and from where. These values take precedence over those outside of `tls`. */
  address: Partial<Address> & LocalAddress;
}

/**
 * @internal Parses the TLS options of `option`. `byUrl` is the URL's setting of TLS. Throws INVALID_OPTION, which names the option. Adds a line to
 * `warnings` for each value that is ignored or makes TLS unsafe.
 */
export function parseTls(option: string, given: unknown, byUrl: boolean | undefined, warnings: string[]): TlsSettings {
  if (!isWanted(option, given, byUrl)) {
    return { address: {} };
  }
  const values = (typeof given === "object" ? given : undefined) as Record<string, unknown> | undefined;
  const source: OptionSource = { values: values ?? {}, label: (name) => `${option}.${name}` };
  for (const [name, value] of Object.entries(source.values)) {
    judgeOption(NODE_TLS_OPTIONS, "a TLS option", name, value, source.label(name), warnings);
  }
  return { tls: readTls(source, warnings), address: { ...readAddress(source), ...readLocalAddress(source) } };
}

function isWanted(option: string, given: unknown, byUrl: boolean | undefined): boolean {
  if (given === undefined) {
    return byUrl ?? false;
  }
  if (typeof given === "string" && given !== "true" && given !== "false") {
    throw optionError(option, "must be true, false or an object: a tls profile is not supported, pass tls.ca");
  }
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  const wanted = isObject || optionalBoolean(option, given) === true;
  if (byUrl === true && !wanted) {
    throw optionError(
      option,
      "is false or null, but redisUrl is rediss:// or asks for TLS; ioredis would connect in plain text. Use redis:// if you mean that",
    );
  }
  if (byUrl === false && wanted) {
    throw optionError(option, "asks for TLS, but redisUrl says tls=false; take one of them out");
  }
  return wanted;
}

function readTls(source: OptionSource, warnings: string[]): NativeTls {
  const { values, label } = source;
  const servername = optionalString(label("servername"), values.servername);
  const trust = readTrust(source, warnings);
  // As in Node, an empty text means none.
  const pinned = Boolean(values.ca);
  const named = pinned ? readCertificates(label("ca"), values.ca) : [];
  return withoutUndefined<NativeTls>({
    authorities: trust === NativeTrust.Blind ? [] : pinned ? named : defaultAuthorities(warnings),
    pinned,
    trust,
    ...readIdentity(source),
    serverName: servername || undefined,
    sendsName: servername !== "",
    ...readAlgorithms(source, warnings),
    revoked: readRevocationLists(label("crl"), values.crl),
  });
}

function readTrust({ values, label }: OptionSource, warnings: string[]): NativeTrust {
  const danger = "the certificate of Redis is not checked, so whoever stands in between can read and change everything";
  const anyName = optionalBoolean(label("skipHostnameCheck"), values.skipHostnameCheck) ?? false;
  if (optionalBoolean(label("rejectUnauthorized"), values.rejectUnauthorized) === false) {
    warnings.push(`${label("rejectUnauthorized")} is false: ${danger}.`);
    return NativeTrust.Blind;
  }
  // As in Node, the option takes precedence over the variable, also if it is null.
  if (values.rejectUnauthorized === undefined && process.env.NODE_TLS_REJECT_UNAUTHORIZED === "0") {
    warnings.push(`The environment variable NODE_TLS_REJECT_UNAUTHORIZED is 0: ${danger}.`);
    return NativeTrust.Blind;
  }
  return anyName ? NativeTrust.AnyName : NativeTrust.Full;
}

function readLocalAddress({ values, label }: OptionSource): LocalAddress {
  const localAddress = optionalString(label("localAddress"), values.localAddress) || undefined;
  if (localAddress && net.isIP(localAddress) === 0) {
    throw optionError(label("localAddress"), "must be an IP address");
  }
  return withoutUndefined<LocalAddress>({ localAddress });
}
