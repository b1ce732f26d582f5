import type { NativeOptions } from "../../../native";
import { kindOf } from "../client/arguments";
import type { Callbacks } from "../client/callbacks";
import { optionError } from "../client/errors";
import { type Connection, readConnection } from "./connection-options";
import { IOREDIS_OPTIONS } from "./ioredis-options";
import { judgeOption } from "./option-table";
import { type OptionSource, optionalString } from "./option-values";
import type { UrlParts } from "./redis-url";
import { type RetryPolicy, readCallbacks, readRetryPolicy } from "./retry-options";
import { readSentinels, type Sentinel, usesTlsWithMaster } from "./sentinel-options";
import { parseTls } from "./tls-options";

const KIND = "an ioredis option";

/** @internal `redisUrl` and `redisOptions`, parsed. */
export interface RedisSettings {
  native: Connection & RetryPolicy & Sentinel & Pick<NativeOptions, "tls" | "cluster" | "localAddress">;
  keyPrefix: string;
  callbacks: Callbacks;
}

/**
 * @internal Parses `redisOptions` and the URL's parts into one set of values. The URL takes precedence, as in ioredis. Throws INVALID_OPTION, which
 * names the option. Adds a line to `warnings` for each value that is ignored.
 */
export function parseRedisOptions(redisOptions: unknown, url: UrlParts, warnings: string[]): RedisSettings {
  const given = redisOptions ?? {};
  if (typeof given !== "object" || Array.isArray(given)) {
    throw optionError("redisOptions", `must be an object, got ${kindOf(redisOptions)}`);
  }
  const options: OptionSource = { values: given as Record<string, unknown>, label: (name) => `redisOptions.${name}` };
  const { query, tls: tlsByUrl, ...parts } = url;
  for (const [name, value] of Object.entries(options.values)) {
    judgeOption(IOREDIS_OPTIONS, KIND, name, value, options.label(name), warnings);
  }
  for (const [name, value] of Object.entries(query).filter(([name]) => IOREDIS_OPTIONS.has(name))) {
    judgeOption(IOREDIS_OPTIONS, KIND, name, fromQuery(value), `redisUrl?${name}`, warnings);
  }
  if (Object.keys(query).some((name) => !IOREDIS_OPTIONS.has(name))) {
    // The name is left out, because it may be a part of a password that was not percent-encoded.
    warnings.push("redisUrl has a query parameter that is not an ioredis option, ignored.");
  }
  warnOfLostLogin(
    parts,
    { ...options.values, ...query },
    (name) => (Object.hasOwn(query, name) ? `redisUrl?${name}` : options.label(name)),
    warnings,
  );
  const byUrl = { ...query, ...parts };
  const both: OptionSource = {
    values: { ...options.values, ...byUrl },
    label: (name) => (Object.hasOwn(byUrl, name) ? `redisUrl (its ${name})` : options.label(name)),
  };
  // A wrong value in redisOptions is refused even if the URL overrides it.
  read(options);
  const { keyPrefix, ...settings } = read(both);
  const { tls, address } = parseTls(options.label("tls"), options.values.tls, tlsByUrl, warnings);
  const sentinels = readSentinels(both, warnings);
  const isSecure = usesTlsWithMaster(both) && tls;
  if (tls && !isSecure) {
    warnings.push(
      "TLS is asked for and NOT USED with the master, so passwords and locks are sent in plain text: with sentinels, ioredis ignores rediss:// and redisOptions.tls unless redisOptions.enableTLSForSentinelMode is true, and so does this package.",
    );
  }
  return { native: { ...settings, ...address, ...sentinels, ...(isSecure ? { tls } : {}) }, keyPrefix, callbacks: readCallbacks(both) };
}

/**
 * As in ioredis, a URL with a user name or a password sets both. So the other one is lost if it is given elsewhere, and Redis then only says that
 * the login is wrong.
 */
function warnOfLostLogin(
  { username, password }: Omit<UrlParts, "query" | "tls">,
  elsewhere: Readonly<Record<string, unknown>>,
  label: (name: string) => string,
  warnings: string[],
): void {
  const warn = (lost: "username" | "password", has: string, lacks: string) => {
    if (elsewhere[lost]) {
      warnings.push(
        `${label(lost)} is IGNORED: the URL has a ${has} without a ${lacks}, and counts for both. Take the ${has} out of the URL, and give it as redisOptions.${lost === "username" ? "password" : "username"}.`,
      );
    }
  };
  // A start node that is given as an object sets only the values that it names, so nothing is lost.
  if (username && password === "") {
    warn("password", "user name", "password");
  } else if (password && username === "") {
    warn("username", "password", "user name");
  }
}

function read(source: OptionSource): Connection & RetryPolicy & { keyPrefix: string } {
  const keyPrefix = optionalString(source.label("keyPrefix"), source.values.keyPrefix) ?? "";
  return { ...readConnection(source), ...readRetryPolicy(source), keyPrefix };
}

/** A query parameter is a string. It is judged by the value that the string spells. */
function fromQuery(value: string): unknown {
  if (value === "true" || value === "false") {
    return value === "true";
  }
  return value !== "" && !Number.isNaN(Number(value)) ? Number(value) : value;
}
