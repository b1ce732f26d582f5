import { hostname } from "node:os";
import type { NativeOptions } from "../../../native";
import { optionError } from "../client/errors";
import { readHost } from "./host";
import {
  type OptionSource,
  optionalBoolean,
  optionalInteger,
  optionalLimitMs,
  optionalNumber,
  optionalString,
  withoutUndefined,
} from "./option-values";

const LIBRARY = "medusa-locking-redis";

/** @internal The place of Redis. */
export type Address = Pick<NativeOptions, "path" | "host" | "port" | "family">;

/** @internal The place of Redis, and how to connect and log in. */
export type Connection = Address &
  Pick<
    NativeOptions,
    "keepAliveMs" | "noDelay" | "connectTimeoutMs" | "username" | "password" | "database" | "connectionName" | "libraryName" | "resp3"
  >;

/** @internal Reads ioredis' options about the connection. */
export function readConnection(source: OptionSource): Connection {
  const { values, label } = source;
  const string = (name: string) => optionalString(label(name), values[name]);
  const boolean = (name: string) => optionalBoolean(label(name), values[name]);
  const username = string("username");
  const password = string("password");
  const tag = string("clientInfoTag");
  return withoutUndefined<Connection>({
    host: "localhost",
    port: 6379,
    family: 0,
    ...readAddress(source),
    keepAliveMs: readKeepAliveMs(label("keepAlive"), values.keepAlive),
    noDelay: boolean("noDelay") ?? true,
    connectTimeoutMs: optionalLimitMs(label("connectTimeout"), values.connectTimeout) ?? 10_000,
    username: username || undefined,
    // As in ioredis, a user name without a password logs in with an empty password.
    password: username || password ? (password ?? "") : undefined,
    database: optionalInteger(label("db"), values.db, 0, 2 ** 31 - 1) ?? 0,
    connectionName: values.connectionName === undefined ? defaultConnectionName() : string("connectionName") || undefined,
    libraryName: boolean("disableClientInfo") ? undefined : tag ? `${LIBRARY}(${tag})` : LIBRARY,
    resp3: optionalInteger(label("protocol"), values.protocol, 2, 3) !== 2,
  });
}

/** @internal Reads the options about the place of Redis. Returns only those that were given. */
export function readAddress({ values, label }: OptionSource): Partial<Address> {
  const host = readHost(label("host"), values.host);
  const family = optionalInteger(label("family"), values.family, 0, 6);
  if (family !== undefined && ![0, 4, 6].includes(family)) {
    throw optionError(label("family"), "must be 0, 4 or 6");
  }
  const path = optionalString(label("path"), values.path);
  // The log names the path, so a URL, which may contain a password, is refused.
  if (path?.includes("://")) {
    throw optionError(label("path"), "must be the path of a Unix socket, got a URL; put it in redisUrl");
  }
  if (path && process.platform === "win32") {
    throw optionError(label("path"), "cannot be used: Unix sockets / named pipes are not supported on Windows");
  }
  return withoutUndefined<Partial<Address>>({
    path: path || undefined,
    host: host || undefined,
    port: optionalInteger(label("port"), values.port, 0, 65_535),
    family,
  });
}

/**
 * @internal Shows an operator who reads CLIENT LIST to which process a connection belongs. Redis takes only printable characters without spaces.
 */
export function defaultConnectionName(): string {
  return `medusa-locking:${hostname().replace(/[^!-~]/g, "-")}:${process.pid}`;
}

/** The longest idle time that Linux allows (TCP_KEEPIDLE). Other systems have no limit that matters. */
const LONGEST_KEEP_ALIVE_MS = 32_767_000;

/** Firewalls forget silent connections after some minutes, and a connection that waits for grants may be silent for a long time. */
const KEEP_ALIVE_MS = 30_000;

/** As in ioredis, a value that is no number switches keep-alive off. A time that is too long becomes the longest time. */
function readKeepAliveMs(label: string, value: unknown): number | undefined {
  if (value === undefined) {
    return KEEP_ALIVE_MS;
  }
  const isNumber = typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value));
  const askedMs = isNumber ? optionalNumber(label, value, "milliseconds", 0) : undefined;
  return askedMs === undefined ? undefined : Math.min(askedMs, LONGEST_KEEP_ALIVE_MS);
}
