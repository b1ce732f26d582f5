import { type NativeOptions, NativePauses } from "../../../native";
import { kindOf } from "../client/arguments";
import type { Callbacks } from "../client/callbacks";
import { optionError } from "../client/errors";
import { type OptionSource, optionalBoolean, optionalInteger, optionalLimitMs, optionalNumber, withoutUndefined } from "./option-values";

/** The default of ioredis' `maxRetriesPerRequest`. */
const DEFAULT_MOST_RECONNECTS = 20;

type Reconnects = Pick<NativeOptions, "mostReconnects" | "mostReconnectsForAll">;

/** @internal The rules by which a connection or a call is given up. */
export type RetryPolicy = Reconnects &
  Pick<
    NativeOptions,
    | "readyCheck"
    | "longestLoadingPauseMs"
    | "offlineQueue"
    | "resends"
    | "reconnect"
    | "asksOnErrors"
    | "commandTimeoutMs"
    | "socketTimeoutMs"
  >;

/** @internal Reads ioredis' options about time limits and reconnects. */
export function readRetryPolicy({ values, label }: OptionSource): RetryPolicy {
  const flag = (name: string) => optionalBoolean(label(name), values[name]) ?? true;
  const ms = (name: string) => optionalNumber(label(name), values[name], "milliseconds", 1);
  const { retryStrategy, reconnectOnError } = values;
  if (reconnectOnError !== undefined && reconnectOnError !== null && typeof reconnectOnError !== "function") {
    throw optionError(label("reconnectOnError"), `must be a function, got ${kindOf(reconnectOnError)}`);
  }
  return withoutUndefined<RetryPolicy>({
    ...readReconnects(label("maxRetriesPerRequest"), values.maxRetriesPerRequest),
    readyCheck: flag("enableReadyCheck"),
    longestLoadingPauseMs: optionalLimitMs(label("maxLoadingRetryTime"), values.maxLoadingRetryTime) ?? 10_000,
    offlineQueue: flag("enableOfflineQueue"),
    resends: flag("autoResendUnfulfilledCommands"),
    reconnect: pausesBy(retryStrategy),
    asksOnErrors: typeof reconnectOnError === "function",
    // As in ioredis, false means no limit.
    commandTimeoutMs: values.commandTimeout === false ? undefined : ms("commandTimeout"),
    socketTimeoutMs: ms("socketTimeout"),
  });
}

/** @internal The user's strategy decides about the pauses; if there is none, `rule` does. */
export function pausesBy(strategy: unknown, rule = NativePauses.Growing): NativePauses {
  if (strategy === undefined) {
    return rule;
  }
  return typeof strategy === "function" ? NativePauses.Asked : NativePauses.Never;
}

/** @internal The user's functions among ioredis' options. */
export function readCallbacks({ values }: OptionSource): Callbacks {
  const functions = (["retryStrategy", "sentinelRetryStrategy", "reconnectOnError"] as const).filter(
    (name) => typeof values[name] === "function",
  );
  return Object.fromEntries(functions.map((name) => [name, values[name]]));
}

function readReconnects(label: string, value: unknown): Reconnects {
  if (value === undefined) {
    return { mostReconnects: DEFAULT_MOST_RECONNECTS, mostReconnectsForAll: false };
  }
  const most = optionalNumber(label, value, "reconnects", Number.NEGATIVE_INFINITY);
  const isLimit = most !== undefined && most >= 0 && most !== Number.POSITIVE_INFINITY;
  return withoutUndefined<Reconnects>({
    mostReconnects: isLimit ? optionalInteger(label, most, 0, 2 ** 31 - 1) : undefined,
    mostReconnectsForAll: true,
  });
}
