import type { NativeNode } from "../../../native";
import { kindOf } from "../client/arguments";
import { optionError } from "../client/errors";
import { readHost } from "./host";
import { optionalInteger } from "./option-values";

/** @internal Reads a `natMap`: by "host:port", other addresses for those that Sentinels or nodes name. */
export function readNatMap(option: string, value: unknown): Record<string, NativeNode> {
  if (value === undefined || value === null) {
    return {};
  }
  if (typeof value === "function") {
    throw optionError(option, 'functions are not supported, pass an object: { "host:port": { host, port } }');
  }
  const entries = Object.entries(objectOf(option, value)).map(([from, to]) => {
    // The address itself is checked, too, because messages repeat it.
    readHost(`${option} (one of its addresses)`, from);
    const label = (name: string) => `${option}["${from}"].${name}`;
    const values = objectOf(`${option}["${from}"]`, to);
    const host = readHost(label("host"), values.host);
    const port = optionalInteger(label("port"), values.port, 1, 65_535);
    if (!host || port === undefined) {
      throw optionError(`${option}["${from}"]`, "must have a host and a port");
    }
    return [from, { host, port }] as const;
  });
  return Object.fromEntries(entries);
}

/** @internal The value as an object. Throws INVALID_OPTION for anything else. */
export function objectOf(option: string, value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw optionError(option, `must be an object, got ${kindOf(value)}`);
  }
  return value as Record<string, unknown>;
}
