import { Modules } from "@medusajs/framework/utils";
import { argumentError } from "../client/errors";
import type { LockOperations } from "../inspect/operations";
import { RedisLockingProvider } from "./service";

/** The part of a Medusa container that is used here. */
interface Container {
  resolve(name: string): unknown;
}

/** The Locking Module's service. Its providers are private. */
interface LockingService {
  providerService_?: { retrieveProviderRegistration?(id: string): unknown };
  defaultProviderId?: string;
}

/**
 * The operations for operators, for the routes and jobs of a shop: `lockOperations(req.scope).locks()`.
 *
 * `provider` is the provider's id, as in `medusa-config.ts`; the default is the Locking Module's default provider. Throws INVALID_ARGUMENT if the
 * provider is not one of this package.
 */
export function lockOperations(container: Container, provider?: string): LockOperations {
  const service = container.resolve(Modules.LOCKING) as LockingService;
  const id = provider ?? service.defaultProviderId;
  const found = id === undefined ? undefined : registered(service, id);
  if (found instanceof RedisLockingProvider) {
    return found;
  }
  throw argumentError(
    `the locking provider "${id ?? "(none)"}" is not one of medusa-locking-redis; name the one that is, by the id that it has in medusa-config.ts.`,
  );
}

function registered(service: LockingService, id: string): unknown {
  try {
    return service.providerService_?.retrieveProviderRegistration?.(id);
  } catch {
    // There is no such provider.
    return undefined;
  }
}
