import type { NativeCluster } from "../../../native";
import { kindOf } from "../client/arguments";
import { optionError } from "../client/errors";
import { CLUSTER_OPTIONS } from "./cluster-option-table";
import { readHost } from "./host";
import { readNatMap } from "./nat-map";
import { judgeOption } from "./option-table";
import { type OptionSource, optionalBoolean, optionalInteger, optionalNumber, optionalString, withoutUndefined } from "./option-values";
import { parseRedisUrl, type UrlParts } from "./redis-url";

const OPTION = "cluster";
/** The values that all nodes share, so that one node may give them for all nodes. */
const SHARED = ["username", "password", "tls"] as const;

/** @internal The option `cluster`, parsed. */
export interface ClusterSettings {
  native: NativeCluster;
  /** For `redisOptions`: the values that the option gives for every node. */
  redisOptions: Record<string, unknown>;
  /** The values that the URLs of nodes, and `redisUrl`, give for every node. */
  url: UrlParts;
  /** Returns the pause after an attempt in which no node was reached; null: never again. */
  clusterRetryStrategy: unknown;
}

/**
 * @internal Parses the option `cluster`. `byUrl`, the parsed `redisUrl`, is one more node. Without start nodes it is the only node; without both,
 * the host in `redisOptions` is. Throws INVALID_OPTION, which names the option. Adds a line to `warnings` for each value that is ignored.
 */
export function parseCluster(given: unknown, redisOptions: unknown, byUrl: UrlParts | undefined, warnings: string[]): ClusterSettings {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw optionError(OPTION, `must be an object with startupNodes, got ${kindOf(given)}`);
  }
  const values = given as Record<string, unknown>;
  const source: OptionSource = { values, label: (name) => `${OPTION}.${name}` };
  for (const [name, value] of Object.entries(values)) {
    judgeOption(CLUSTER_OPTIONS, "an option of ioredis' Cluster", name, value, source.label(name), warnings);
  }
  const { startupNodes } = values;
  const nodes =
    startupNodes === undefined || startupNodes === null
      ? [onlyNode(source, redisOptions, byUrl)]
      : [...readNodes(startupNodes, warnings), ...(byUrl ? [byUrl] : [])];
  const { path, db } = nodes.find((node) => node.path || (node.db && node.db !== "0")) ?? {};
  if (path || db) {
    throw optionError(OPTION, `has a node that is given by ${path ? "a Unix socket" : "a database number"}; a cluster has neither`);
  }
  return {
    native: readNative(source, nodes),
    redisOptions: everyNode(source, redisOptions),
    url: { query: byUrl?.query ?? {}, ...shared(nodes) },
    clusterRetryStrategy: values.clusterRetryStrategy,
  };
}

function readNodes(given: unknown, warnings: string[]): UrlParts[] {
  const label = `${OPTION}.startupNodes`;
  if (!Array.isArray(given) || given.length === 0) {
    throw optionError(label, "must be an array of at least one node");
  }
  return given.map((node, at) => readNode(node, `${label}[${at}]`, warnings));
}

/**
 * The start node if `startupNodes` names none. As on a single server, the URL takes precedence over the host options. If neither names a host, no
 * default is used, because the first server that is asked gets the password.
 */
function onlyNode(source: OptionSource, outer: unknown, byUrl: UrlParts | undefined): UrlParts {
  const options = bothRedisOptions(source, outer);
  const host = readHost("redisOptions.host", options.host) || undefined;
  if (!byUrl && !host) {
    throw optionError(`${OPTION}.startupNodes`, "is missing, and neither redisUrl nor redisOptions.host names a node");
  }
  const port = optionalInteger("redisOptions.port", options.port, 1, 65_535)?.toString();
  return { ...withoutUndefined<UrlParts>({ host, port, query: {} }), ...byUrl };
}

function readNode(node: unknown, label: string, warnings: string[]): UrlParts {
  if (typeof node === "number" || typeof node === "string") {
    const parts = parseRedisUrl(String(node), label);
    if (Object.keys(parts.query).length > 0) {
      warnings.push(`The query of ${label} is ignored; what concerns every node goes into ${OPTION}.redisOptions.`);
    }
    return parts;
  }
  if (typeof node !== "object" || node === null) {
    throw optionError(label, `must be a URL, a port number or an object, got ${kindOf(node)}`);
  }
  const { host, port, username, password, tls, ...rest } = node as Record<string, unknown>;
  warnings.push(
    ...Object.keys(rest).map((name) => `${label}.${name} is ignored; what concerns every node goes into ${OPTION}.redisOptions.`),
  );
  if (typeof tls === "object" && tls !== null) {
    throw optionError(`${label}.tls`, `must be true or false; TLS options go into ${OPTION}.redisOptions.tls`);
  }
  return withoutUndefined<UrlParts>({
    host: readHost(`${label}.host`, host),
    port: optionalInteger(`${label}.port`, port, 1, 65_535)?.toString(),
    username: optionalString(`${label}.username`, username),
    password: optionalString(`${label}.password`, password),
    tls: optionalBoolean(`${label}.tls`, tls),
    query: {},
  });
}

/**
 * The values that nodes give for all nodes. If two nodes give different values, it would be left to chance which one is used, so this is refused.
 */
function shared(nodes: UrlParts[]): Pick<UrlParts, "username" | "password" | "tls"> {
  const all: Partial<Record<(typeof SHARED)[number], string | boolean>> = {};
  for (const name of SHARED) {
    const said = new Set(nodes.map((node) => node[name]).filter((value) => value !== undefined));
    if (said.size > 1) {
      throw optionError(OPTION, `has nodes whose ${name} differ; all nodes of a cluster share it`);
    }
    const [value] = said;
    if (value !== undefined) {
      all[name] = value;
    }
  }
  return all as Pick<UrlParts, "username" | "password" | "tls">;
}

/** The options within `cluster` take precedence over those beside it. */
function bothRedisOptions({ values, label }: OptionSource, outer: unknown): Record<string, unknown> {
  return { ...objectOf("redisOptions", outer), ...objectOf(label("redisOptions"), values.redisOptions) };
}

function everyNode(source: OptionSource, outer: unknown): Record<string, unknown> {
  const { values } = source;
  const all = bothRedisOptions(source, outer);
  const impossible = ["path", "sentinels"].find((name) => all[name] !== undefined && all[name] !== null);
  if (impossible) {
    throw optionError(`redisOptions.${impossible}`, "cannot be used together with cluster");
  }
  // A cluster has one database, and finds its nodes itself.
  const { host: _host, port: _port, retryStrategy: _retryStrategy, ...rest } = all;
  if (rest.db !== undefined && Number(rest.db) !== 0) {
    throw optionError("redisOptions.db", "must be 0: a cluster has no other database");
  }
  const here = { keyPrefix: values.keyPrefix, enableOfflineQueue: values.enableOfflineQueue, enableReadyCheck: values.enableReadyCheck };
  return { ...rest, ...withoutUndefined<Record<string, unknown>>(here) };
}

function objectOf(label: string, given: unknown): Record<string, unknown> {
  if (typeof (given ?? {}) !== "object" || Array.isArray(given)) {
    throw optionError(label, `must be an object, got ${kindOf(given)}`);
  }
  return { ...(given as Record<string, unknown> | null | undefined) };
}

function readNative({ values, label }: OptionSource, nodes: UrlParts[]): NativeCluster {
  const ms = (name: string, least: number) => optionalNumber(label(name), values[name], "milliseconds", least);
  return withoutUndefined<NativeCluster>({
    nodes: nodes.map(({ host, port }) => ({ host: host || "127.0.0.1", port: Number(port ?? 6379) })),
    lookupTimeoutMs: ms("slotsRefreshTimeout", 1) ?? 1_000,
    refreshEveryMs: ms("slotsRefreshInterval", 1),
    mostRedirections: optionalInteger(label("maxRedirections"), values.maxRedirections, 0, 2 ** 31 - 1) ?? 16,
    movedPauseMs: ms("retryDelayOnMoved", 0) ?? 0,
    tryAgainPauseMs: ms("retryDelayOnTryAgain", 0) ?? 100,
    downPauseMs: ms("retryDelayOnClusterDown", 0) ?? 100,
    addresses: readNatMap(label("natMap"), values.natMap),
  });
}
