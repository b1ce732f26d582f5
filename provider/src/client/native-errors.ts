import type { NativeOptions, ResultDetail } from "../../../native";
import { type LockError, type LockErrorCode, lockError, optionError } from "./errors";

/** @internal The error of a call that failed. */
export function errorOf(detail: ResultDetail | undefined): LockError {
  const { code = "INTERNAL", message = "A call failed without a reason.", keys = [], cause } = detail ?? {};
  return lockError(code as LockErrorCode, message, keys, cause ?? undefined);
}

/**
 * @internal The error of an option that the addon refused; `undefined` if it failed for another reason. The addon checks only the options about TLS
 * and the local address. All other options were checked before.
 */
export function optionErrorOf(error: unknown, { tls, sentinels, localAddress }: NativeOptions): LockError | undefined {
  const { code, message } = error as Error & { code?: string };
  if (code !== "InvalidArg" || (tls ?? sentinels?.tls ?? localAddress) === undefined) {
    return undefined;
  }
  const trouble = message.replace(/^sentinelTLS: /, "");
  return optionError(trouble === message ? "redisOptions.tls" : "redisOptions.sentinelTLS", `cannot be used: ${trouble}`);
}
