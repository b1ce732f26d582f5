import type { LoaderOptions } from "@medusajs/framework/types";
import { ModuleProvider, Modules } from "@medusajs/framework/utils";
import { lockError } from "../../client/errors";
import { clientOf } from "../alias";
import { asValue } from "../container";
import { CLIENT, RedisLockingProvider } from "../service";

// This file has its own folder, because Medusa imports the folders beside a provider's entry.

/** Registers the client of the provider to which this alias belongs. */
async function lockingRedisAliasLoader({ container, options }: LoaderOptions): Promise<void> {
  const loaded = clientOf(options as object);
  if (!loaded) {
    throw lockError("INTERNAL", "The alias of a locking provider was loaded before the provider itself.");
  }
  container.register({ [CLIENT]: asValue(loaded) });
}

export default ModuleProvider(Modules.LOCKING, {
  services: [RedisLockingProvider],
  loaders: [lockingRedisAliasLoader],
});
