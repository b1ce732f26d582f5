import { optionError } from "../client/errors";
import { readHost } from "./host";
import { IOREDIS_OPTIONS } from "./ioredis-options";
import { optionalBoolean } from "./option-values";

/** A `redisUrl`, parsed: its own parts, and its query parameters, which are options, too. */
export interface UrlParts {
  /** A Unix socket. */
  path?: string;
  host?: string;
  port?: string;
  username?: string;
  password?: string;
  db?: string;
  /** True for `rediss://` and `?tls=true`, false for `?tls=false`. */
  tls?: boolean;
  query: Record<string, string>;
}

const EXPECTED = "expected redis://host:6379, rediss:// for TLS, or unix:///path for a Unix socket";

/** Whether a scheme means TLS. */
const SCHEMES: Record<string, boolean> = { "redis:": false, "valkey:": false, "rediss:": true, "valkeys:": true };

/**
 * Parses a `redisUrl` as ioredis 5.11 does, with the WHATWG parser. ioredis reads some URLs differently from their text (a socket path, database 0,
 * plain text). Such URLs are refused, or read by their text. No message repeats the URL, because it may contain a password. `option` is the name of
 * the option with the URL.
 */
export function parseRedisUrl(url: string, option = "redisUrl"): UrlParts {
  if (/^\d+$/.test(url)) {
    return { port: url, query: {} };
  }
  if (/^\/(?!\/)/.test(url)) {
    const [path = "", ...query] = url.split("?");
    return { path, ...readQuery(new URLSearchParams(query.join("?")), false, option) };
  }
  if (/^(redis\+|valkey\+)?unix:/i.test(url)) {
    return parseSocketUrl(url, option);
  }
  if (url.startsWith("//")) {
    return parseFull(`redis:${url}`, option);
  }
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? parseFull(url, option) : parseWithoutScheme(url, option);
}

function parseSocketUrl(text: string, option: string): UrlParts {
  const url = parseText(text, option);
  if (url.host || url.pathname.length < 2) {
    throw optionError(option, "names no Unix socket; write unix:///path, with three slashes");
  }
  return { path: decode(url.pathname, option), ...readQuery(url.searchParams, false, option) };
}

function parseWithoutScheme(text: string, option: string): UrlParts {
  const { db, ...parts } = parseFull(`redis://${text}`, option);
  if (!parts.host) {
    throw optionError(option, `names no host; ${EXPECTED}`);
  }
  if (db !== undefined) {
    throw optionError(option, "has a path but no scheme, which ioredis takes for a Unix socket; write redis://host:port/database");
  }
  return parts;
}

function parseFull(text: string, option: string): UrlParts {
  const url = parseText(text, option);
  const scheme = url.protocol.toLowerCase();
  const isTls = SCHEMES[scheme];
  if (isTls === undefined) {
    throw optionError(option, `has the scheme "${scheme}//"; ${EXPECTED}`);
  }
  const parts: UrlParts = readQuery(url.searchParams, isTls, option);
  if (url.hostname) {
    parts.host = readHost(`${option} (its host)`, decode(url.hostname.replace(/^\[(.*)\]$/, "$1"), option)) ?? "";
  }
  if (url.port) {
    parts.port = url.port;
  }
  if (url.username || url.password) {
    // As in ioredis, a URL with a user name or a password sets both.
    parts.username = decode(url.username, option);
    parts.password = decode(url.password, option);
  }
  const path = url.pathname.replace(/^\/+|\/+$/g, "");
  if (path) {
    parts.db = decode(path, option);
  }
  return parts;
}

function parseText(text: string, option: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // If a password begins like a port and contains # or ?, the parser would take the password for a port, and the user for a host.
  if (!url || url.hash.includes("@") || url.search.slice(1).split("&").some(isPieceOfLogin)) {
    throw optionError(
      option,
      `is not a valid URL; ${EXPECTED}. Special characters in the user name or password (such as # / ? @ :) must be percent-encoded`,
    );
  }
  return url;
}

/** A part of the query that contains @ outside of an option's value. In its encoded form, %40, the character may be anywhere. */
function isPieceOfLogin(piece: string): boolean {
  const at = piece.indexOf("=");
  return piece.includes("@") && !(at > 0 && IOREDIS_OPTIONS.has(piece.slice(0, at)));
}

function readQuery(params: URLSearchParams, isTls: boolean, option: string): Pick<UrlParts, "query" | "tls"> {
  const { tls: text, ...query } = Object.fromEntries(params);
  const tls = optionalBoolean(`${option} (its tls)`, text);
  if (isTls && tls === false) {
    throw optionError(option, "asks for TLS by its scheme and says tls=false; use redis:// if you mean plain text");
  }
  return { query, ...(isTls || tls !== undefined ? { tls: isTls || tls === true } : {}) };
}

function decode(part: string, option: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw optionError(option, "has a % that begins no percent-encoded character; write a literal % as %25");
  }
}
