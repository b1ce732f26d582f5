import { kindOf } from "../client/arguments";
import { LockError, lockError } from "../client/errors";
import { didYouMean } from "../options/did-you-mean";
import { optionalNumber } from "../options/option-values";
import { type ParsedOptions, parseOptions, type SafetyOptions } from "../options/options";
import type { RedisConnectionOptions } from "../options/redis-option-types";
import { errorInOurWords, inOurWords } from "./words";

/** Longest wait for a lock if neither the options nor the call name one. */
const DEFAULT_WAIT_MS = 5_000;

/** The logger that gets the lines of the log. If a method is missing, its lines are dropped. */
export interface LocksLogger {
  /** Good news, for example that the connection stands. */
  info?(text: string): void;
  /** Something works with less than it promises, or takes long. */
  warn?(text: string): void;
  /** Something does not work. */
  error?(text: string): void;
}

/**
 * Options of `createLocks`: a server or a cluster, and how to lock there. Numbers may be numeric strings.
 *
 * @interface
 */
export type LocksOptions = AnyOptions & ({ url: string } | { cluster: Record<string, unknown> });

interface AnyOptions {
  /**
   * Where Redis is: `redis://user:password@host:6379/0`, `rediss://` for TLS, `unix:///path` for a Unix socket. Required, except with `cluster`;
   * beside `cluster` it is one more node.
   */
  url?: string;
  /** A Redis Cluster: `startupNodes` and the options of ioredis' Cluster; see docs/OPTIONS.md of the repository. */
  cluster?: Record<string, unknown>;
  /** ioredis' options; docs/OPTIONS.md of the repository says how each one is treated. The URL takes precedence over them. */
  redisOptions?: RedisConnectionOptions;
  /** The prefix of every key in Redis; default `medusa_lock:`, so that a shop's provider and this client exclude each other. */
  namespace?: string;
  /** Longest wait for a lock, in milliseconds; at least 1, default 5000. Infinity is allowed. */
  waitMs?: number | string;
  /** If the event loop is stuck for longer than this, its locks are no longer renewed; in milliseconds, default 60000. */
  maximumStallMs?: number | string;
  /** Longest lease of renewed locks, in milliseconds, whatever a call's `leaseMs` says; at least 1000; default: none. */
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
  /** How long `close` waits for running jobs before it lets their locks lapse, in milliseconds; default 5000. */
  drainTimeoutMs?: number | string;
  /** For calls that poll: first pause between two attempts, in milliseconds; default 5. */
  pollFirstPauseMs?: number | string;
  /** For calls that poll: longest pause between two attempts, in milliseconds; default 200. */
  pollLongestPauseMs?: number | string;
  /** For calls that poll: the factor by which each pause is longer than the one before; default 2. */
  pollPauseFactor?: number | string;
  /** The logger that gets the lines of the log; default: warnings and errors go to `console`. `{}` drops all lines. */
  logger?: LocksLogger;
}

/** The provider's names of the options that both have. */
const NAMES: Readonly<Record<string, string>> = {
  url: "redisUrl",
  cluster: "cluster",
  redisOptions: "redisOptions",
  namespace: "namespace",
  maximumStallMs: "maximumStallMs",
  maximumLeaseMs: "maximumLeaseMs",
  telemetry: "telemetry",
  keyKind: "keyKind",
  slowWaitMs: "slowWaitMs",
  slowHoldMs: "slowHoldMs",
  detectSelfDeadlock: "detectSelfDeadlock",
  safety: "safety",
  drainTimeoutMs: "drainTimeoutMs",
  pollFirstPauseMs: "defaultRetryInterval",
  pollLongestPauseMs: "maximumRetryInterval",
  pollPauseFactor: "backoffFactor",
};

/** @internal The options of `createLocks`, parsed. */
export interface ParsedLocksOptions extends Omit<ParsedOptions, "waitLockingTimeoutS" | "tryWaitMs"> {
  waitMs: number;
  logger: LocksLogger;
}

/** @internal Parses the options once. Throws INVALID_OPTION, which names the option. */
export function parseLocksOptions(options: unknown): ParsedLocksOptions {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw lockError("INVALID_OPTION", `The options of createLocks must be an object, got ${kindOf(options)}.`);
  }
  const given: Record<string, unknown> = { ...options };
  const { waitMs, logger, ...others } = given;
  if ((given.url ?? "") === "" && (given.cluster ?? undefined) === undefined) {
    throw lockError("INVALID_OPTION", 'Option "url" of createLocks is required, except with "cluster".');
  }
  const known = Object.entries(others).flatMap(([name, value]) => (Object.hasOwn(NAMES, name) ? [[NAMES[name], value]] : []));
  const unknown = Object.keys(others).filter((name) => !Object.hasOwn(NAMES, name));
  try {
    const { waitLockingTimeoutS: _, tryWaitMs: __, warnings, ...parsed } = parseOptions(Object.fromEntries(known), undefined);
    return {
      ...parsed,
      waitMs: optionalNumber("waitMs", waitMs, "milliseconds", 1) ?? DEFAULT_WAIT_MS,
      logger: parseLogger(logger),
      warnings: [
        ...unknown.map(
          (name) =>
            `Option "${name}" of createLocks is not known, ignored.${didYouMean(name, [...Object.keys(NAMES), "waitMs", "logger"])}`,
        ),
        ...warnings.map(inOurWords),
      ],
    };
  } catch (error) {
    throw error instanceof LockError ? errorInOurWords(error) : error;
  }
}

function parseLogger(logger: unknown): LocksLogger {
  if (logger === undefined || logger === null) {
    return { warn: (text) => console.warn(text), error: (text) => console.error(text) };
  }
  if (typeof logger !== "object") {
    throw lockError("INVALID_OPTION", `Option "logger" of createLocks must be an object like console, got ${kindOf(logger)}.`);
  }
  return logger;
}
