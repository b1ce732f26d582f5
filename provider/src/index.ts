import { ModuleProvider, Modules } from "@medusajs/framework/utils";
import lockingRedisLoader from "./loader";
import { RedisLockingProvider } from "./service";

export type { LockError, LockErrorCode } from "./errors";
export type { Lock } from "./lock";
export type { LockingRedisOptions, SafetyOptions } from "./options";
export type { AcquireArgs, ExecuteArgs } from "./service";
export { RedisLockingProvider };

export default ModuleProvider(Modules.LOCKING, {
  services: [RedisLockingProvider],
  loaders: [lockingRedisLoader],
});
