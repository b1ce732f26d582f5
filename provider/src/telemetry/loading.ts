import type * as Otel from "@opentelemetry/api";
import type { NativeOptions } from "../../../native";
import type { Log } from "../client/guard";
import type { Observer } from "../client/observer";
import type { KeyKind } from "./kinds";
import { Telemetry } from "./telemetry";

/** @internal The options about telemetry, and the facts that tell one client from another. */
export interface TelemetryOptions {
  telemetry: boolean;
  keyKind: KeyKind | undefined;
  native: NativeOptions;
}

/** @internal Makes telemetry according to the options. `elsewhere` loads the package if it cannot be loaded from here. */
export function telemetryOf(options: TelemetryOptions, log: Log, elsewhere?: () => unknown): Observer | undefined {
  if (!options.telemetry) {
    return undefined;
  }
  return new Telemetry({ keyKind: options.keyKind, place: attributesOf(options.native), log, load: () => load(elsewhere) });
}

function load(elsewhere: (() => unknown) | undefined): typeof Otel {
  try {
    return require("@opentelemetry/api");
  } catch (error) {
    if (!elsewhere) {
      throw error;
    }
    return elsewhere() as typeof Otel;
  }
}

let clients = 0;

/** The place of Redis by the names of the semantic conventions, and the namespace, which tells clients of one place apart. */
function attributesOf({ path, host, port, cluster, sentinels, prefix }: NativeOptions): Otel.Attributes {
  const place = cluster?.nodes[0] ?? sentinels?.addresses[0] ?? (path === undefined ? { host, port } : { host: path, port: undefined });
  clients += 1;
  return {
    "lock.client": clients,
    "server.address": place.host,
    ...(place.port === undefined ? {} : { "server.port": place.port }),
    "lock.namespace": prefix,
  };
}
