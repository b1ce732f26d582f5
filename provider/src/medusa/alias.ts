import { resolve } from "node:path";
import { type Log, textOf } from "../client/guard";
import type { LoadedClient } from "./service";

/** The prefix that the Locking Module puts before a provider's id. Medusa's documentation writes ids with this prefix. */
const PREFIX = "lp_";
const PACKAGE_ENTRY = resolve(__dirname, "../../../index.js");
const ALIAS_ENTRY = resolve(__dirname, "lp-alias/index.js");

interface ProviderEntry {
  resolve?: unknown;
  id?: string;
  options?: object;
  is_default?: boolean;
}

/** The client of each provider entry, by the options object that Medusa hands to both of its loaders. */
const clients = new WeakMap<object, LoadedClient>();

/** Remembers the client for the alias' loader. A later boot with the same configuration replaces it. */
export function rememberClient(options: object, loaded: LoadedClient): void {
  clients.set(options, loaded);
}

/** The client of the provider entry with these options. */
export function clientOf(options: object): LoadedClient | undefined {
  return clients.get(options);
}

/**
 * Makes `provider: "lp_<id>"`, as Medusa's documentation writes it, the same as `provider: "<id>"`. It adds an entry to the list of providers while
 * Medusa walks through that list. `options` are the loader's own options. Without `moduleOptions` they are the module's options, and the provider
 * entry has none.
 */
export function addAlias(options: object, moduleOptions: object | undefined, log: Log): void {
  const { providers } = (moduleOptions ?? options) as { providers?: unknown };
  if (!Array.isArray(providers)) {
    return;
  }
  const entries = providers as ProviderEntry[];
  const own = entries.filter((entry) => (moduleOptions ? entry.options === options : isOurs(entry) && !entry.options));
  for (const entry of own) {
    const id = `${PREFIX}${entry.id}`;
    const known = !entry.id || entry.resolve === ALIAS_ENTRY || entry.id.startsWith(PREFIX);
    if (known || entries.some((other) => other.id === id)) {
      continue;
    }
    try {
      if (entries.length === 1) {
        // A single provider is the default provider. With the alias there are two providers, so the default must be named.
        entry.is_default = true;
      }
      entries.push({ resolve: ALIAS_ENTRY, id, ...(entry.options ? { options: entry.options } : {}) });
    } catch (error) {
      log.warn(`provider: "${id}" will not be known, since the list of providers cannot be added to: ${textOf(error)}`);
    }
  }
}

function isOurs(entry: ProviderEntry): boolean {
  if (typeof entry.resolve !== "string") {
    return false;
  }
  try {
    return require.resolve(entry.resolve, { paths: [process.cwd()] }) === PACKAGE_ENTRY;
  } catch {
    return false;
  }
}
