import { optionError } from "./option-values";

/** What a `redisUrl` says: the parts that it names itself, and its query parameters, which are options too. */
export interface UrlParts {
  host?: string;
  port?: string;
  username?: string;
  password?: string;
  db?: string;
  query: Record<string, string>;
}

const LATER = "is not supported by this version yet";

/**
 * Parses a `redisUrl` as ioredis 5.11 does, with the WHATWG parser. What ioredis would silently read as something
 * else (a socket path, database 0) is refused. No message repeats the URL: it may hold a password.
 */
export function parseRedisUrl(url: string): UrlParts {
  if (/^\d+$/.test(url)) {
    return { port: url, query: {} };
  }
  if (/^\/(?!\/)|^(redis\+|valkey\+)?unix:/.test(url)) {
    throw optionError("redisUrl", `names a Unix socket, which ${LATER}`);
  }
  const shortForm = /^(?<host>[^/?#:@\s]+)(:(?<port>\d+))?$/.exec(url);
  if (shortForm?.groups) {
    const { host = "localhost", port } = shortForm.groups;
    return { host, ...(port ? { port } : {}), query: {} };
  }
  if (url.startsWith("//")) {
    return parseFull(`redis:${url}`);
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) {
    throw optionError("redisUrl", 'must look like "redis://host:6379"');
  }
  return parseFull(url);
}

function parseFull(text: string): UrlParts {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw optionError(
      "redisUrl",
      "is not a valid URL; special characters in the user name or password (such as # / ? @ :) must be percent-encoded",
    );
  }
  const scheme = url.protocol.toLowerCase();
  if (scheme === "rediss:" || scheme === "valkeys:") {
    throw optionError("redisUrl", `asks for TLS (${scheme}//), which ${LATER}`);
  }
  if (scheme !== "redis:" && scheme !== "valkey:") {
    throw optionError("redisUrl", `has the scheme "${scheme}//"; expected redis://`);
  }
  const parts: UrlParts = { query: Object.fromEntries(url.searchParams) };
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

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw optionError("redisUrl", "has a % that begins no percent-encoded character; write a literal % as %25");
  }
}
