import { hostname } from "node:os";
import { type NativeOptions, NativePauses } from "../../../native";
import { kindOf } from "../client/arguments";
import type { Callbacks } from "../client/callbacks";
import { lockError, optionError } from "../client/errors";
import type { SlowTerms } from "../client/slow";
import { parseCluster } from "./cluster-options";
import { didYouMean } from "./did-you-mean";
import { optionalBoolean, optionalInteger, optionalNumber, optionalString } from "./option-values";
import type { RedisConnectionOptions } from "./redis-option-types";
import { parseRedisOptions, type RedisSettings } from "./redis-options";
import { parseRedisUrl } from "./redis-url";
import { pausesBy } from "./retry-options";

/**
 * Options of the provider, in `medusa-config.ts`: a server or a cluster, and how to lock there. Numbers may be numeric strings.
 *
 * @interface
 */
export type LockingRedisOptions = AnyOptions & ({ redisUrl: string } | { cluster: Record<string, unknown> });

interface AnyOptions {
  /**
   * Where Redis is: `redis://user:password@host:6379/0`, `rediss://` for TLS, `unix:///path` for a Unix socket. Required,
   * except with `cluster`.
   */
  redisUrl?: string;
  /** A Redis Cluster: `startupNodes` and the options of ioredis' Cluster; see docs/OPTIONS.md of the repository. */
  cluster?: Record<string, unknown>;
  /** ioredis' options; docs/OPTIONS.md of the repository says how each one is treated. The URL takes precedence over them. */
  redisOptions?: RedisConnectionOptions;
  /** The prefix of every key in Redis; default `medusa_lock:`. */
  namespace?: string;
  /** Longest wait for a lock, in seconds; default 5. */
  waitLockingTimeout?: number | string;
  /** First pause between two attempts of a waiting call, in milliseconds; default 5. */
  defaultRetryInterval?: number | string;
  /** Longest pause between two attempts, in milliseconds; default 200. */
  maximumRetryInterval?: number | string;
  /** The factor by which each pause is longer than the one before; default 2. */
  backoffFactor?: number | string;
  /** How long a try (`acquire` without `awaitQueue`) waits for a held lock before it is refused, in milliseconds; default 0. */
  tryWaitMs?: number | string;
  /** How long a shutdown waits for running jobs before it lets their locks lapse, in milliseconds; default 5000. */
  drainTimeoutMs?: number | string;
  /** If the event loop is stuck for longer than this, its locks are no longer renewed; in milliseconds, default 60000. */
  maximumStallMs?: number | string;
  /**
   * Longest lease of `execute` and of `acquire` with `renew`, in milliseconds, whatever `expire` says; at least 1000; default: none. Such leases
   * are renewed, so a job may run longer. The locks of a killed process are free after this time at the latest.
   */
  maximumLeaseMs?: number | string;
  /**
   * Metrics and traces through OpenTelemetry's API, if the package `@opentelemetry/api` is installed and something is registered with it; default
   * true.
   */
  telemetry?: boolean | string;
  /** Returns the kind of a key, for the attribute of metrics; default: the part before the first `_`, `:` or `-`. At most 64 kinds. */
  keyKind?: (key: string) => string;
  /** If a call waits longer than this for a key, the log names the key and its holder once; in milliseconds, default 5000. Infinity: never. */
  slowWaitMs?: number | string;
  /** If a job holds its keys longer than this, the log names the job once; in milliseconds, default 60000. Infinity: never. */
  slowHoldMs?: number | string;
  /**
   * A call fails at once (LOCK_SELF_DEADLOCK) if a job around it holds its key, so that the call could only wait for itself; default false. This
   * option costs an AsyncLocalStorage.
   */
  detectSelfDeadlock?: boolean | string;
  /** A lock counts only when replicas of the Redis server have it; by default the master's reply is enough. */
  safety?: SafetyOptions;
  /** The official package knows this option and does nothing with it. Neither does this package. */
  ttl?: number | string;
}

/** The option `safety`: a lock counts only when enough replicas have it. */
export interface SafetyOptions {
  /** How many replicas must acknowledge the lock, and each renewal; at least 1. Required. */
  replicas: number | string;
  /** Longest wait for them, in milliseconds, at least 1; default 1000. After it the lock is released (LOCK_NOT_REPLICATED). */
  timeoutMs?: number | string;
}

const DEFAULT_SAFETY_TIMEOUT_MS = 1_000;
/** The connection is blocked during this wait, so a larger number is a mistake. */
const LONGEST_SAFETY_TIMEOUT_MS = 60_000;
/** No server has so many replicas, so a larger number is a mistake. */
const MOST_REPLICAS = 1_000;

/** @internal */
export interface ParsedOptions extends Callbacks, SlowTerms {
  native: NativeOptions;
  waitLockingTimeoutS: number;
  tryWaitMs: number;
  drainTimeoutMs: number;
  maximumLeaseMs: number;
  detectSelfDeadlock: boolean;
  telemetry: boolean;
  keyKind: ((key: string) => string) | undefined;
  /** Lines for the log. */
  warnings: string[];
}

/** Options that the Locking Module cannot give for its provider, because the official package reads them only from the provider's options. */
const ONLY_OWN = ["redisUrl", "redisOptions", "cluster", "namespace"] as const;

const KNOWN = new Set([
  "redisUrl",
  "redisOptions",
  "cluster",
  "namespace",
  "waitLockingTimeout",
  "defaultRetryInterval",
  "maximumRetryInterval",
  "backoffFactor",
  "tryWaitMs",
  "drainTimeoutMs",
  "maximumStallMs",
  "maximumLeaseMs",
  "telemetry",
  "keyKind",
  "slowWaitMs",
  "slowHoldMs",
  "detectSelfDeadlock",
  "safety",
  "ttl",
]);

/**
 * @internal Parses the options once, at boot. `moduleOptions` are those of the Locking Module around the provider. Their values are used where the
 * provider has none. Throws INVALID_OPTION, which names the option.
 */
export function parseOptions(options: unknown, moduleOptions: unknown): ParsedOptions {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw optionError("options", `must be an object, got ${kindOf(options)}`);
  }
  const given = options as Record<string, unknown>;
  const around = (typeof moduleOptions === "object" && moduleOptions !== null ? moduleOptions : {}) as Record<string, unknown>;
  const redisUrl = optionalString("redisUrl", given.redisUrl);
  if (!redisUrl && (given.cluster === undefined || given.cluster === null)) {
    throw lockError(
      "INVALID_OPTION",
      `No "redisUrl" provided in "locking" module, "locking-redis" provider options. It is required for the "locking-redis" Module provider.`,
    );
  }
  // If a provider has no options, Medusa hands it the module's options, some of which are only for the module.
  const named = "providers" in given ? [] : Object.keys(given);
  const warnings = named
    .filter((name) => !KNOWN.has(name))
    .map((name) => `Option "${name}" of the "locking-redis" provider is not known, ignored.${didYouMean(name, KNOWN)}`);
  if (!("providers" in given)) {
    const elsewhere = ONLY_OWN.filter((name) => around[name] !== undefined && given[name] === undefined);
    warnings.push(
      ...elsewhere.map(
        (name) => `Option "${name}" of the Locking Module is not read. It belongs to the options of the "locking-redis" provider.`,
      ),
    );
  }
  const number = (name: string, unit: string, least: number, fallback: number) =>
    optionalNumber(name, given[name] ?? around[name], unit, least) ?? fallback;
  const yes = (name: string, fallback: boolean) => optionalBoolean(name, given[name] ?? around[name]) ?? fallback;
  const { native: connection, keyPrefix, callbacks } = parsePlace(given, redisUrl, warnings);
  const native: NativeOptions = {
    ...connection,
    prefix: keyPrefix + (optionalString("namespace", given.namespace) ?? "medusa_lock:"),
    defaultRetryIntervalMs: number("defaultRetryInterval", "milliseconds", 0, 5),
    maximumRetryIntervalMs: number("maximumRetryInterval", "milliseconds", 0, 200),
    backoffFactor: number("backoffFactor", "times", 1, 2),
    maximumStallMs: number("maximumStallMs", "milliseconds", 1, 60_000),
    ...parseSafety(given.safety ?? around.safety),
    onThread: needsThreadLane(),
    machine: hostname(),
    runtime: runtimeName(),
  };
  return {
    ...callbacks,
    native,
    waitLockingTimeoutS: number("waitLockingTimeout", "seconds", 0, 5),
    tryWaitMs: number("tryWaitMs", "milliseconds", 0, 0),
    drainTimeoutMs: number("drainTimeoutMs", "milliseconds", 0, 5_000),
    maximumLeaseMs: number("maximumLeaseMs", "milliseconds", 1_000, Number.POSITIVE_INFINITY),
    slowWaitMs: number("slowWaitMs", "milliseconds", 1, 5_000),
    slowHoldMs: number("slowHoldMs", "milliseconds", 1, 60_000),
    detectSelfDeadlock: yes("detectSelfDeadlock", false),
    telemetry: yes("telemetry", true),
    keyKind: parseKeyKind(given.keyKind ?? around.keyKind),
    warnings,
  };
}

/** Reads the place of Redis: a server, or a cluster. */
function parsePlace(given: Record<string, unknown>, redisUrl: string | undefined, warnings: string[]): RedisSettings {
  const url = redisUrl ? parseRedisUrl(redisUrl) : undefined;
  if (given.cluster === undefined || given.cluster === null) {
    return parseRedisOptions(given.redisOptions, url ?? { query: {} }, warnings);
  }
  const cluster = parseCluster(given.cluster, given.redisOptions, url, warnings);
  const { native, callbacks, keyPrefix } = parseRedisOptions(cluster.redisOptions, cluster.url, warnings);
  const { clusterRetryStrategy: retryStrategy } = cluster;
  return {
    native: {
      ...native,
      cluster: cluster.native,
      reconnect: pausesBy(retryStrategy, NativePauses.GrowingInCluster),
    },
    callbacks: {
      ...callbacks,
      ...(typeof retryStrategy === "function" ? { retryStrategy: retryStrategy as (times: number) => unknown } : {}),
    },
    keyPrefix,
  };
}

function parseKeyKind(value: unknown): ((key: string) => string) | undefined {
  if (value !== undefined && value !== null && typeof value !== "function") {
    throw optionError("keyKind", `must be a function, got ${kindOf(value)}`);
  }
  return (value ?? undefined) as ((key: string) => string) | undefined;
}

/** In this option an unknown name is refused, unlike elsewhere: a mistyped name must not give less safety than the user asked for. */
function parseSafety(value: unknown): Pick<NativeOptions, "safetyReplicas" | "safetyTimeoutMs"> {
  if (value === undefined || value === null) {
    return {};
  }
  if (typeof value !== "object" || Array.isArray(value)) {
    throw optionError("safety", `must be an object like { replicas: 1 }, got ${kindOf(value)}`);
  }
  const { replicas, timeoutMs, ...rest } = value as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw optionError(`safety.${unknown}`, "is not known; there are replicas and timeoutMs");
  }
  const safetyReplicas = optionalInteger("safety.replicas", replicas, 1, MOST_REPLICAS);
  if (safetyReplicas === undefined) {
    throw optionError("safety.replicas", `is required: a whole number from 1 to ${MOST_REPLICAS}`);
  }
  const safetyTimeoutMs = optionalInteger("safety.timeoutMs", timeoutMs, 1, LONGEST_SAFETY_TIMEOUT_MS) ?? DEFAULT_SAFETY_TIMEOUT_MS;
  return { safetyReplicas, safetyTimeoutMs };
}

/** Name and version of the runtime, for operators. */
function runtimeName(): string {
  const { bun, deno, node } = process.versions;
  return bun ? `bun ${bun}` : deno ? `deno ${deno}` : `node ${node}`;
}

/**
 * Whether this runtime lacks Node's event loop. The runtime's name decides, not libuv's symbols: Bun has the symbols and aborts when
 * they are called. The environment variable MEDUSA_LOCKING_LANE (thread or loop) has priority.
 */
function needsThreadLane(): boolean {
  const wish = process.env.MEDUSA_LOCKING_LANE;
  if (wish === "thread" || wish === "loop") {
    return wish === "thread";
  }
  if (wish) {
    throw lockError("INVALID_OPTION", `The environment variable MEDUSA_LOCKING_LANE must be "loop" or "thread".`);
  }
  const { bun, deno } = process.versions;
  return Boolean(bun || deno || (process as { type?: string }).type === "utility");
}
