import type { Log } from "../client/guard";
import type { Lock } from "../client/lock";
import { Locks } from "../standalone/locks";
import { CommandError, RUN_EXIT } from "./exit-codes";
import type { Given } from "./flags";
import { readOptions } from "./session";

/** @internal A held lock. */
export type HeldLock = Lock & { release(): Promise<boolean> };

/** @internal How `run` takes its lock. */
export interface LockWish {
  leaseMs: number;
  /** 0: the lock is only taken if it is free. */
  waitMs: number;
  label: string;
  signal: AbortSignal;
}

/** @internal The operations by which `run` locks. */
export interface RunLocks {
  /** Returns undefined if another owner has the lock and `waitMs` is 0. */
  acquire(keys: string[], wish: LockWish): Promise<HeldLock | undefined>;
  close(): Promise<void>;
}

/** A log without output: errors report all trouble, and nothing is added to the program's own output. */
const SILENT: Log = { info() {}, warn() {}, error() {} };
/** When the client is closed, no program runs under a lock any more. */
const DRAIN_MS = 500;

/** @internal Connects, with the options of the command line. Throws CommandError if Redis is not there. */
export async function openLocks(given: Given): Promise<RunLocks> {
  const { waitLockingTimeoutS, tryWaitMs: _, ...rest } = (await readOptions(given)).parsed;
  const locks = new Locks({ ...rest, waitMs: waitLockingTimeoutS * 1_000, drainTimeoutMs: DRAIN_MS, logger: {} }, SILENT);
  try {
    await locks.ready();
  } catch (error) {
    await locks.close();
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new CommandError(cause instanceof Error ? cause.message : String(cause), RUN_EXIT.failed);
  }
  return {
    acquire: (keys, { waitMs, ...others }) => (waitMs < 1 ? locks.tryAcquire(keys, others) : locks.acquire(keys, { waitMs, ...others })),
    close: () => locks.close(),
  };
}
