import type { NativeOptions } from "../../../native";
import type { Log } from "./guard";

/** @internal The place of Redis according to the options: `host:port`, or a text in its place. It holds no secret. */
export function placeOf({ path, host, port, cluster, sentinels }: NativeOptions): string {
  const [node] = cluster?.nodes ?? [];
  if (node) {
    return `${node.host}:${node.port}`;
  }
  const [sentinel] = sentinels?.addresses ?? [];
  if (sentinels && sentinel) {
    return `${sentinels.name} of Sentinel ${sentinel.host}:${sentinel.port}`;
  }
  return path ?? `${host}:${port}`;
}

/** @internal A log whose lines begin with `locking` and the place of Redis, because a shop's log has lines of many modules. */
export function placedLog(log: Log, options: NativeOptions): Log {
  const prefix = `[locking ${placeOf(options)}]`;
  return {
    info: (text) => log.info(`${prefix} ${text}`),
    warn: (text) => log.warn(`${prefix} ${text}`),
    error: (text) => log.error(`${prefix} ${text}`),
  };
}
