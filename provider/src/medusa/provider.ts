import { ModuleProvider, Modules } from "@medusajs/framework/utils";
import lockingRedisLoader from "./loader";
import "./medusa-error";
import { RedisLockingProvider } from "./service";

/** The provider that Medusa loads. */
export default ModuleProvider(Modules.LOCKING, {
  services: [RedisLockingProvider],
  loaders: [lockingRedisLoader],
});
