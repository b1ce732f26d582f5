import type { NativeDetection, NativeOptions, NativeSentinel, NativeSentinels, NativeTls } from "../../../native";
import { kindOf } from "../client/arguments";
import { optionError } from "../client/errors";
import { guarded, textOf } from "../client/guard";
import { readAddress } from "./connection-options";
import { objectOf, readNatMap } from "./nat-map";
import { type OptionSource, optionalBoolean, optionalInteger, optionalNumber, optionalString, withoutUndefined } from "./option-values";
import { pausesBy } from "./retry-options";
import { parseTls } from "./tls-options";

/** The default port of a Sentinel in ioredis. */
const SENTINEL_PORT = 26_379;

/** The number of attempts for which `sentinelReconnectStrategy` is asked. The last answer holds for all later attempts. */
const ASKED_PAUSES = 20;

/** @internal The options about Sentinels, parsed. */
export type Sentinel = Pick<NativeOptions, "sentinels" | "reconnectAfterLookup">;

/**
 * @internal Reads ioredis' options about Sentinels. Throws INVALID_OPTION, which names the option. Adds a line to `warnings` for each value that
 * makes TLS to the Sentinels unsafe.
 */
export function readSentinels(source: OptionSource, warnings: string[]): Sentinel {
  const { values, label } = source;
  const role = optionalString(label("role"), values.role) ?? "master";
  if (role === "slave") {
    throw optionError(label("role"), 'cannot be "slave": replicas are read-only and cannot hold locks');
  }
  if (role !== "master") {
    throw optionError(label("role"), 'must be "master"');
  }
  const strategy = values.sentinelRetryStrategy;
  const reconnectAfterLookup = pausesBy(strategy);
  // As in ioredis, a falsy value means none.
  return values.sentinels ? { sentinels: readGroup(source, warnings), reconnectAfterLookup } : { reconnectAfterLookup };
}

/** @internal Whether the connection to the master uses TLS. With Sentinels a separate option decides this. */
export function usesTlsWithMaster({ values, label }: OptionSource): boolean {
  const withSentinels = optionalBoolean(label("enableTLSForSentinelMode"), values.enableTLSForSentinelMode) ?? false;
  return withSentinels || !values.sentinels;
}

function readGroup(source: OptionSource, warnings: string[]): NativeSentinels {
  const { values, label } = source;
  const string = (name: string) => optionalString(label(name), values[name]) || undefined;
  const addresses = readSentinelList(label("sentinels"), values.sentinels);
  const name = string("name");
  if (!name) {
    throw optionError(label("name"), "is missing: Requires the name of master.");
  }
  const username = string("sentinelUsername");
  const password = string("sentinelPassword");
  return withoutUndefined<NativeSentinels>({
    name,
    addresses,
    username,
    password: username || password ? (password ?? "") : undefined,
    tls: readSentinelTls(values.sentinelTLS, label("sentinelTLS"), warnings),
    mapped: readNatMap(label("natMap"), values.natMap),
    learns: optionalBoolean(label("updateSentinels"), values.updateSentinels) ?? true,
    commandTimeoutMs: optionalNumber(label("sentinelCommandTimeout"), values.sentinelCommandTimeout, "milliseconds", 1) ?? 5_000,
    detection: readDetection(source, warnings),
  });
}

function readSentinelList(option: string, value: unknown): NativeSentinel[] {
  if (!Array.isArray(value)) {
    throw optionError(option, `must be an array of { host, port }, got ${kindOf(value)}`);
  }
  if (value.length === 0) {
    throw optionError(option, "is empty: Requires at least one sentinel to connect to.");
  }
  return value.map((entry, at) => readSentinel(`${option}[${at}]`, entry));
}

function readSentinel(option: string, value: unknown): NativeSentinel {
  const values = objectOf(option, value);
  const label = (name: string) => `${option}.${name}`;
  // No Sentinel listens on a Unix socket.
  const { host, port, family } = readAddress({ values: { ...values, path: undefined }, label });
  if (!host) {
    throw optionError(label("host"), "is missing");
  }
  return withoutUndefined<NativeSentinel>({ host, port: port ?? SENTINEL_PORT, family: family || undefined });
}

function readSentinelTls(given: unknown, option: string, warnings: string[]): NativeTls | undefined {
  return given === null ? undefined : parseTls(option, given, undefined, warnings).tls;
}

function readDetection({ values, label }: OptionSource, warnings: string[]): NativeDetection | undefined {
  const most = optionalInteger(label("sentinelMaxConnections"), values.sentinelMaxConnections, 1, 1_000) ?? 10;
  const strategy = values.sentinelReconnectStrategy;
  if (!optionalBoolean(label("failoverDetector"), values.failoverDetector)) {
    return undefined;
  }
  if (strategy === undefined) {
    return { most, pausesMs: [60_000], stops: false };
  }
  const failed = (error: unknown) =>
    void warnings.push(`${label("sentinelReconnectStrategy")} threw an error, which ends such attempts: ${textOf(error)}`);
  const pausesMs: number[] = [];
  while (pausesMs.length < ASKED_PAUSES) {
    const times = pausesMs.length + 1;
    const pauseMs: unknown = typeof strategy === "function" ? guarded(() => strategy(times), failed) : undefined;
    if (typeof pauseMs !== "number" || Number.isNaN(pauseMs)) {
      return { most, pausesMs, stops: true };
    }
    pausesMs.push(pauseMs);
  }
  return { most, pausesMs, stops: false };
}
