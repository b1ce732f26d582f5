import type { NativeOptions } from "../../../native";
import { LockError } from "../client/errors";
import type { Patient } from "../inspect/doctor/patient";
import { type Inspector, openInspector } from "../inspect/inspector";
import { shown, typed } from "../inspect/words";
import { type ConfiguredOptions, readShopConfig } from "../medusa/shop-config";
import { type ParsedOptions, parseOptions } from "../options/options";
import { parseRedisUrl } from "../options/redis-url";
import { usageError } from "./exit-codes";
import type { Given } from "./flags";

/** Longest time to connect if the URL does not say it, in milliseconds. It is short because a person is waiting. */
const CONNECT_TIMEOUT_MS = 5_000;
const OPTION_NAME = /Option "([^"]*)" of the "locking-redis" provider/;

/** @internal The options that the commands use. */
export interface Settings extends Omit<Patient, "inspector"> {
  /** The place of Redis, for people; without a password. */
  place: string;
}

/** @internal The parts that a command needs to look at Redis. */
export interface Session {
  given: Given;
  settings: Settings;
  inspector: Inspector;
}

/** @internal The provider's options, as the command line names them. */
export interface NamedOptions {
  options: Record<string, unknown>;
  moduleOptions: Record<string, unknown>;
  parsed: ParsedOptions;
}

/** @internal Reads and parses the options. Throws a CommandError, whose message shows no password. */
export async function readOptions(given: Given): Promise<NamedOptions> {
  const { options, moduleOptions, source } = await givenOptions(given);
  const namespace = given.text("namespace");
  const all = namespace === undefined ? options : { ...options, namespace };
  try {
    return { options: all, moduleOptions, parsed: parseOptions(all, moduleOptions) };
  } catch (error) {
    if (error instanceof LockError) {
      throw usageError(`${source}: ${error.message.replace(OPTION_NAME, (_, name) => nameOf(name, source))}`);
    }
    throw error;
  }
}

/** The name of an option for a message. A URL is named by its source; an option of a configuration is named itself. */
function nameOf(name: string, source: string): string {
  const [, part] =
    /^(?:redisUrl|cluster\.startupNodes\[0\])(?: \(its (.+)\)|\?(.+))$/.exec(name)?.filter((text) => text !== undefined) ?? [];
  return source.startsWith("--config") ? `option "${name}"` : part === undefined ? "it" : `its ${part}`;
}

async function givenOptions(
  given: Given,
): Promise<{ options: Record<string, unknown>; moduleOptions: Record<string, unknown>; source: string }> {
  const file = given.text("config");
  if (file !== undefined) {
    const other = ["url", "cluster"].find((name) => given.text(name) !== undefined || given.has(name));
    if (other !== undefined) {
      throw usageError(`--config and --${other} exclude each other`);
    }
    return { ...(await configOf(file)), source: `--config ${typed(file)}` };
  }
  const { url, source } = urlOf(given);
  const redisOptions = { connectTimeout: CONNECT_TIMEOUT_MS };
  const options = given.has("cluster") ? { cluster: { startupNodes: [url], redisOptions } } : { redisUrl: url, redisOptions };
  checkHost(url, source);
  return { options, moduleOptions: {}, source };
}

/** This loads the shop's own Medusa, which nothing else does. */
async function configOf(file: string): Promise<ConfiguredOptions> {
  try {
    return await readShopConfig(file);
  } catch (error) {
    throw error instanceof LockError ? usageError(`--config: ${error.message.replaceAll(file, typed(file))}`) : error;
  }
}

function urlOf(given: Given): { url: string; source: string } {
  const named: [string, string | undefined][] = [
    ["--url", given.text("url")],
    ["LOCKING_REDIS_URL", process.env.LOCKING_REDIS_URL || undefined],
    ["REDIS_URL", process.env.REDIS_URL || undefined],
  ];
  for (const [source, url] of named) {
    if (url !== undefined) {
      return { url, source };
    }
  }
  throw usageError("no Redis is named: give --url redis://host:6379 or --config medusa-config.ts, or set LOCKING_REDIS_URL");
}

/** A shop's URL without a host means this machine, and is intended. On the command line it is a mistake. */
function checkHost(url: string, source: string): void {
  let parts: ReturnType<typeof parseRedisUrl>;
  try {
    parts = parseRedisUrl(url);
  } catch (error) {
    if (error instanceof LockError) {
      throw usageError(`${source}: ${error.message.replace(OPTION_NAME, "it")}`);
    }
    throw error;
  }
  if (parts.host === undefined && parts.path === undefined && parts.port === undefined) {
    throw usageError(`${source}: it names no host; write redis://host:6379`);
  }
}

/** @internal Opens the inspector. It does not connect yet. */
export async function openSession(given: Given): Promise<Session> {
  const { parsed } = await readOptions(given);
  const { native, warnings } = parsed;
  const settings: Settings = {
    place: placeOf(native),
    prefix: native.prefix,
    plainAddress: native.tls || native.path || native.cluster || native.sentinels ? null : { host: native.host, port: native.port },
    isCluster: native.cluster !== undefined,
    safetyReplicas: native.safetyReplicas ?? null,
    wantsResp3: native.resp3,
    database: native.database,
    warnings,
  };
  return { given, settings, inspector: openInspectorFor(native) };
}

function placeOf({ path, host, port, cluster, sentinels, database }: NativeOptions): string {
  const at = (nodes: readonly { host: string; port: number }[]) => nodes.map((node) => `${node.host}:${node.port}`).join(", ");
  if (cluster) {
    return `the cluster of ${at(cluster.nodes)}`;
  }
  const server = sentinels ? `${sentinels.name} of the Sentinels ${at(sentinels.addresses)}` : (path ?? `${host}:${port}`);
  return `${server}, database ${database}`;
}

/** @internal Which Redis and which namespace were asked. A wrong one looks the same as one without locks. */
export function askedOf({ place, prefix }: Settings): string {
  return `asked: ${shown(place)}, namespace "${typed(prefix)}"`;
}

function openInspectorFor(options: NativeOptions): Inspector {
  try {
    return openInspector(options);
  } catch (error) {
    // Only the addon can find this fault of an option.
    throw usageError(error instanceof Error ? error.message : String(error));
  }
}
