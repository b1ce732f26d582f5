/**
 * The provider of Medusa's Locking Module, and the operations that come with it.
 *
 * @module medusa-locking-redis
 */

export type { LockError, LockErrorCode } from "./client/errors";
export type { Lock } from "./client/lock";
export type { ClientStats } from "./client/observer";
export type { HoldState } from "./inspect/answers";
export type { LockKind, LockList, LockProcess, LockStatus, LockWaiters } from "./inspect/lock-status";
export type { FreeOptions, LockHealth, LockOperations } from "./inspect/operations";
export { lockOperations } from "./medusa/operations";
export { default } from "./medusa/provider";
export type { AcquireArgs, ExecuteArgs } from "./medusa/service";
export { RedisLockingProvider } from "./medusa/service";
export type { LockingRedisOptions, SafetyOptions } from "./options/options";
