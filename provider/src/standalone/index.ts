/**
 * Locks without Medusa.
 *
 * @module medusa-locking-redis/client
 */

export { LockError, type LockErrorCode } from "../client/errors";
export type { Lock } from "../client/lock";
export type { ClientStats } from "../client/observer";
export type { HoldState } from "../inspect/answers";
export type { LockKind, LockList, LockProcess, LockStatus, LockWaiters } from "../inspect/lock-status";
export type { FreeOptions, LockHealth, LockOperations } from "../inspect/operations";
export type { SafetyOptions } from "../options/options";
export type { AcquiredLock } from "./acquired-lock";
export type { AcquireOptions, LockOptions, TryAcquireOptions } from "./arguments";
export { createLocks, type Job, Locks } from "./locks";
export type { LocksLogger, LocksOptions } from "./options";
