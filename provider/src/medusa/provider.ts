import { ModuleProvider, Modules } from "@medusajs/framework/utils";
import lockingRedisLoader from "./loader";
import "./medusa-error";
import { RedisLockingProvider } from "./service";

/** What Medusa loads as the provider. */
export default ModuleProvider(Modules.LOCKING, {
  services: [RedisLockingProvider],
  loaders: [lockingRedisLoader],
});
