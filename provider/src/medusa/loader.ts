import type { LoaderOptions } from "@medusajs/framework/types";
import { LockClient } from "../client/client";
import { guardedLog, textOf } from "../client/guard";
import { KeptLocks } from "../client/kept";
import { placedLog } from "../client/place";
import { Operations } from "../inspect/operations";
import { parseOptions } from "../options/options";
import { telemetryOf } from "../telemetry/loading";
import { addAlias, rememberClient } from "./alias";
import { shutDownWithMedusa } from "./application-end";
import { asValue } from "./container";
import { CLIENT, type LoadedClient } from "./service";

/** Medusa's loader arguments for a provider; `moduleOptions` is set if the provider has its own options. */
type ProviderLoaderOptions = LoaderOptions & { moduleOptions?: Record<string, unknown> };

/**
 * Connects, and registers the client for the service. If Redis cannot be reached, the boot goes on, and the client connects later.
 * Throws INVALID_OPTION for options that cannot be used.
 */
export default async function lockingRedisLoader(args: ProviderLoaderOptions): Promise<void> {
  const { container, options, moduleOptions } = args;
  const logger = guardedLog(args.logger);
  const { waitLockingTimeoutS, tryWaitMs, maximumLeaseMs, warnings, ...rest } = parseOptions(options, moduleOptions);
  const log = placedLog(logger, rest.native);
  for (const warning of warnings) {
    log.warn(warning);
  }
  const observer = telemetryOf(rest, log, () => require("@medusajs/framework/opentelemetry/api"));
  const client = new LockClient(rest.native, rest, log, observer);
  // These are the official package's own log lines, unchanged.
  try {
    await client.ready();
    logger.info(`Connection to Redis in "locking-redis" provider established`);
  } catch (error) {
    logger.error(`An error occurred while connecting to Redis in provider "locking-redis": ${textOf(error)}`);
  }
  const operations = new Operations(rest.native);
  client.closeWith(() => operations.close());
  const loaded: LoadedClient = { client, operations, kept: new KeptLocks(client), waitLockingTimeoutS, tryWaitMs, maximumLeaseMs, log };
  container.register({ [CLIENT]: asValue(loaded) });
  shutDownWithMedusa(client, log);
  rememberClient(options as object, loaded);
  addAlias(options as object, moduleOptions, log);
}
