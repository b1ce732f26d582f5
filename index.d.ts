// The package's types: those of the provider, and those that it adds to Medusa's.
import type { Context } from "@medusajs/framework/types";
import type { AcquireArgs, ExecuteArgs, Lock } from "./provider/dist/index";

export type {
  AcquireArgs,
  ExecuteArgs,
  FreeOptions,
  HoldState,
  Lock,
  LockError,
  LockErrorCode,
  LockHealth,
  LockingRedisOptions,
  LockKind,
  LockList,
  LockOperations,
  LockProcess,
  LockStatus,
  LockWaiters,
  SafetyOptions,
} from "./provider/dist/index";
export { default, lockOperations, RedisLockingProvider } from "./provider/dist/index";

/**
 * A job of `execute` that looks at its lock: `(signal, lock) => …`. It always gets both.
 *
 * This form keeps other implementations of Medusa's `ILockingModule` valid, which call their jobs with a signal or without arguments. A call
 * needs no arguments, and TypeScript compares the type of a method that has a property beside it in both directions.
 */
type JobUnderLock<T> = { job(signal?: AbortSignal, ...lock: Lock[]): Promise<T> }["job"] & { readonly name?: string };

declare module "@medusajs/framework/types" {
  interface ILockingModule {
    /**
     * Runs `job` while holding `keys`, all of them or none.
     *
     * @param keys - What to lock.
     * @param job - Gets a signal that aborts when the lock is lost, and the lock itself.
     * @param args - `timeout` and `expire` in seconds, a `signal` that withdraws the wait, a `label`, the provider's id.
     * @param sharedContext - Its ids make the label of a call that has none.
     * @returns The job's result.
     */
    execute<T>(
      keys: string | string[],
      job: JobUnderLock<T>,
      args?: ExecuteArgs & { provider?: string },
      sharedContext?: Context,
    ): Promise<T>;
    /**
     * Takes `keys`, all of them or none; with `awaitQueue` waits for them.
     *
     * @param keys - What to lock.
     * @param args - Owner, `expire` and `timeout` in seconds, whether to wait, a `signal` that withdraws the wait,
     * a `label`, the provider's id.
     * @param sharedContext - Its ids make the label of a call that has none.
     */
    acquire(keys: string | string[], args?: AcquireArgs & { provider?: string }, sharedContext?: Context): Promise<void>;
  }
}
