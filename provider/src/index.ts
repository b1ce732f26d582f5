export type { LockError, LockErrorCode } from "./client/errors";
export type { Lock } from "./client/lock";
export { default } from "./medusa/provider";
export type { AcquireArgs, ExecuteArgs } from "./medusa/service";
export { RedisLockingProvider } from "./medusa/service";
export type { LockingRedisOptions, SafetyOptions } from "./options/options";
