import { kindOf } from "./arguments";
import { optionalInteger, optionalString, optionError } from "./option-values";
import type { UrlParts } from "./redis-url";

/** Where Redis is and who we are there. */
export interface ConnectionOptions {
  host: string;
  port: number;
  /** 0: any address family. */
  family: number;
  username?: string;
  password?: string;
  database: number;
  keyPrefix: string;
}

/** ioredis options that we honour. */
const HONOURED = new Set(["host", "port", "family", "username", "password", "db", "keyPrefix"]);

/** ioredis options that have nothing to say to a lock client, or say what we do anyway. */
const HARMLESS = new Set([
  "lazyConnect",
  "replyMapping",
  "showFriendlyErrorStack",
  "enableAutoPipelining",
  "autoPipeliningIgnoredCommands",
  "offlineQueue",
  "commandQueue",
  "blockingTimeout",
  "blockingTimeoutGrace",
  "autoResubscribe",
  "preferredSlaves",
  "sentinelReconnectStrategy",
  "disconnectTimeout",
]);

/** ioredis options that we ignore and say so. */
const IGNORED: Record<string, string> = {
  readOnly: "has no use for locks and is ignored",
  stringNumbers: "is ignored",
  scripts: "is ignored: no ioredis client is exposed",
  himportFieldsets: "is ignored",
};

/** ioredis options that cannot be had at all. */
const REFUSED: Record<string, string> = {
  Connector: "is not supported: this package opens its own socket",
  monitor: "makes the connection unusable for locks",
};

/**
 * ioredis options that a later version will honour. Until then only the values that describe what this version
 * does anyway are let through: an option that is ignored could change what is safe.
 */
const LATER: Record<string, readonly unknown[]> = {
  path: [null],
  tls: [null, false],
  connectionName: [null],
  disableClientInfo: [false],
  clientInfoTag: [null],
  protocol: [2],
  connectTimeout: [10_000],
  commandTimeout: [],
  socketTimeout: [],
  keepAlive: [0],
  noDelay: [true],
  enableReadyCheck: [true],
  maxLoadingRetryTime: [10_000],
  enableOfflineQueue: [true],
  maxRetriesPerRequest: [20],
  retryStrategy: [],
  reconnectOnError: [null],
  autoResendUnfulfilledCommands: [true],
  sentinels: [null],
  name: [null],
  role: ["master"],
  sentinelUsername: [],
  sentinelPassword: [],
  sentinelCommandTimeout: [],
  sentinelRetryStrategy: [],
  failoverDetector: [false],
  sentinelMaxConnections: [10],
  enableTLSForSentinelMode: [false],
  sentinelTLS: [],
  natMap: [null],
  updateSentinels: [true],
};

/**
 * Parses `redisOptions` and the URL's parts into one set of values; the URL wins, as with ioredis. Throws
 * INVALID_OPTION naming the option; adds a line to `warnings` for what is ignored.
 */
export function parseRedisOptions(redisOptions: unknown, url: UrlParts, warnings: string[]): ConnectionOptions {
  const given = redisOptions ?? {};
  if (typeof given !== "object" || Array.isArray(given)) {
    throw optionError("redisOptions", `must be an object, got ${kindOf(redisOptions)}`);
  }
  const options = given as Record<string, unknown>;
  for (const [name, value] of Object.entries(options)) {
    judge(`redisOptions.${name}`, name, value, warnings);
  }
  for (const [name, value] of Object.entries(url.query)) {
    judge(`redisUrl?${name}`, name, fromQuery(value), warnings);
  }
  const { query, ...parts } = url;
  const fallback = read(options, (name) => `redisOptions.${name}`);
  const { username, password, ...wanted } = { ...fallback, ...read({ ...query, ...parts }, (name) => `redisUrl (its ${name})`) };
  // As with ioredis: a user name without a password authenticates with an empty one.
  const authenticates = Boolean(username || password);
  return {
    host: wanted.host || "localhost",
    port: wanted.port ?? 6379,
    family: wanted.family ?? 0,
    ...(username ? { username } : {}),
    ...(authenticates ? { password: password ?? "" } : {}),
    database: wanted.db ?? 0,
    keyPrefix: wanted.keyPrefix ?? "",
  };
}

function judge(label: string, name: string, value: unknown, warnings: string[]): void {
  if (value === undefined || HONOURED.has(name) || HARMLESS.has(name)) {
    return;
  }
  const later = Object.hasOwn(LATER, name) ? LATER[name] : undefined;
  if (Object.hasOwn(IGNORED, name)) {
    warnings.push(`${label} ${IGNORED[name]}.`);
  } else if (Object.hasOwn(REFUSED, name)) {
    throw optionError(label, `${REFUSED[name]}`);
  } else if (!later) {
    warnings.push(`${label} is not an ioredis option, ignored.`);
  } else if (!later.includes(value)) {
    throw optionError(label, "is not supported by this version yet; leave it out");
  }
}

/** The options that are honoured, as values; only those that were given. */
interface Given {
  host?: string;
  port?: number;
  family?: number;
  username?: string;
  password?: string;
  db?: number;
  keyPrefix?: string;
}

function read(options: Record<string, unknown>, label: (name: string) => string): Given {
  const host = optionalString(label("host"), options.host);
  if (host?.includes("://")) {
    throw optionError(label("host"), "must be a host name, got a URL; put it in redisUrl");
  }
  // What no resolver takes, said before one is asked.
  if (host !== undefined && /[\s\0]/.test(host)) {
    throw optionError(label("host"), "has a character that no host name has");
  }
  const family = optionalInteger(label("family"), options.family, 0, 6);
  if (family !== undefined && ![0, 4, 6].includes(family)) {
    throw optionError(label("family"), "must be 0, 4 or 6");
  }
  return withoutUndefined({
    host,
    port: optionalInteger(label("port"), options.port, 0, 65_535),
    family,
    username: optionalString(label("username"), options.username),
    password: optionalString(label("password"), options.password),
    db: optionalInteger(label("db"), options.db, 0, 2 ** 31 - 1),
    keyPrefix: optionalString(label("keyPrefix"), options.keyPrefix),
  });
}

/** A query parameter is a string; for judging it, it counts as the value that it spells. */
function fromQuery(value: string): unknown {
  if (value === "true" || value === "false") {
    return value === "true";
  }
  return value !== "" && !Number.isNaN(Number(value)) ? Number(value) : value;
}

function withoutUndefined(values: Record<string, unknown>): Given {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
