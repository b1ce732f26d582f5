import { optionalBoolean, optionError } from "./option-values";

/** What a `redisUrl` says: the parts that it names itself, and its query parameters, which are options too. */
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

/** By scheme: whether it means TLS. */
const SCHEMES: Record<string, boolean> = { "redis:": false, "valkey:": false, "rediss:": true, "valkeys:": true };

/**
 * Parses a `redisUrl` as ioredis 5.11 does, with the WHATWG parser. What ioredis would silently read as something
 * else (a socket path, database 0, plain text) is refused, or read as what it says. No message repeats the URL: it
 * may hold a password.
 */
export function parseRedisUrl(url: string): UrlParts {
  if (/^\d+$/.test(url)) {
    return { port: url, query: {} };
  }
  if (/^\/(?!\/)/.test(url)) {
    const [path = "", ...query] = url.split("?");
    return { path, ...readQuery(new URLSearchParams(query.join("?")), false) };
  }
  if (/^(redis\+|valkey\+)?unix:/i.test(url)) {
    return parseSocketUrl(url);
  }
  if (url.startsWith("//")) {
    return parseFull(`redis:${url}`);
  }
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? parseFull(url) : parseWithoutScheme(url);
}

function parseSocketUrl(text: string): UrlParts {
  const url = parseText(text);
  if (url.host || url.pathname.length < 2) {
    throw optionError("redisUrl", "names no Unix socket; write unix:///path, with three slashes");
  }
  return { path: decode(url.pathname), ...readQuery(url.searchParams, false) };
}

function parseWithoutScheme(text: string): UrlParts {
  const { db, ...parts } = parseFull(`redis://${text}`);
  if (!parts.host) {
    throw optionError("redisUrl", `names no host; ${EXPECTED}`);
  }
  if (db !== undefined) {
    throw optionError("redisUrl", "has a path but no scheme, which ioredis takes for a Unix socket; write redis://host:port/database");
  }
  return parts;
}

function parseFull(text: string): UrlParts {
  const url = parseText(text);
  const scheme = url.protocol.toLowerCase();
  const isTls = SCHEMES[scheme];
  if (isTls === undefined) {
    throw optionError("redisUrl", `has the scheme "${scheme}//"; ${EXPECTED}`);
  }
  const parts: UrlParts = readQuery(url.searchParams, isTls);
  if (url.hostname) {
    parts.host = decode(url.hostname.replace(/^\[(.*)\]$/, "$1"));
  }
  if (url.port) {
    parts.port = url.port;
  }
  if (url.username || url.password) {
    // As with ioredis, a URL with one of the two speaks for both.
    parts.username = decode(url.username);
    parts.password = decode(url.password);
  }
  const path = url.pathname.replace(/^\/+|\/+$/g, "");
  if (path) {
    parts.db = decode(path);
  }
  return parts;
}

function parseText(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The host and what follows it, after a # or ? in a password that begins like a port: another host would be asked.
  if (!url || url.hash.includes("@") || [...url.searchParams.keys()].some((name) => name.includes("@"))) {
    throw optionError(
      "redisUrl",
      `is not a valid URL; ${EXPECTED}. Special characters in the user name or password (such as # / ? @ :) must be percent-encoded`,
    );
  }
  return url;
}

function readQuery(params: URLSearchParams, isTls: boolean): Pick<UrlParts, "query" | "tls"> {
  const { tls: text, ...query } = Object.fromEntries(params);
  const tls = optionalBoolean("redisUrl (its tls)", text);
  if (isTls && tls === false) {
    throw optionError("redisUrl", "asks for TLS by its scheme and says tls=false; use redis:// if you mean plain text");
  }
  return { query, ...(isTls || tls !== undefined ? { tls: isTls || tls === true } : {}) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw optionError("redisUrl", "has a % that begins no percent-encoded character; write a literal % as %25");
  }
}
