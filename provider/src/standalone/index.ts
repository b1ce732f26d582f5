export { LockError, type LockErrorCode } from "../client/errors";
export type { Lock } from "../client/lock";
export type { SafetyOptions } from "../options/options";
export type { AcquiredLock } from "./acquired-lock";
export type { AcquireOptions, LockOptions, TryAcquireOptions } from "./arguments";
export { createLocks, type Job, Locks } from "./locks";
export type { LocksLogger, LocksOptions } from "./options";
