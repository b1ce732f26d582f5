import { LockClient } from "../client/client";
import type { Log } from "../client/guard";
import { CommandError, RUN_EXIT } from "./exit-codes";
import type { Given } from "./flags";
import { readOptions } from "./session";

/** @internal A lock that is held. */
export interface HeldLock {
  /** Aborts when the lock is lost. */
  readonly signal: AbortSignal;
  readonly fencingTokens: Readonly<Record<string, number | undefined>>;
  /** Gives it back. */
  release(): Promise<void>;
}

/** @internal How `run` locks. */
export interface Locks {
  acquire(keys: string[], terms: { leaseMs: number; waitMs: number; label: string; signal: AbortSignal }): Promise<HeldLock>;
  close(): Promise<void>;
}

/** What goes wrong is told by the errors; the program's own output stays what it is. */
const SILENT: Log = { info() {}, warn() {}, error() {} };

/** @internal Connects, with the options of the command line. Throws CommandError if Redis is not there. */
export async function openLocks(given: Given): Promise<Locks> {
  const { parsed } = await readOptions(given);
  const { native, maximumLeaseMs, ...rest } = parsed;
  const client = new LockClient(native, rest, SILENT);
  try {
    await client.ready();
  } catch (error) {
    await client.shutdown();
    throw new CommandError(error instanceof Error ? error.message : String(error), RUN_EXIT.failed);
  }
  return {
    async acquire(keys, { leaseMs, waitMs, signal }) {
      const hold = await client.lock(keys, Math.min(leaseMs, maximumLeaseMs), waitMs, signal);
      const lock = client.watch(hold, keys);
      return {
        signal: lock.signal,
        fencingTokens: lock.fencingTokens,
        async release() {
          await client.unlock(hold, keys);
        },
      };
    },
    close: () => client.shutdown(),
  };
}
