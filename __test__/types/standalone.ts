// Code that a program without Medusa may write.

import { type AcquiredLock, createLocks, LockError, type LockErrorCode, type Locks, type LocksOptions } from "medusa-locking-redis/client";

export const options: LocksOptions = { url: "redis://localhost", waitMs: 100, safety: { replicas: 1 }, logger: console };
const locks: Locks = createLocks(options);
createLocks({ cluster: { startupNodes: ["one:6379"] } });

// @ts-expect-error the server is not named
createLocks({ waitMs: 5 });

export const text: Promise<string> = locks.withLock(["a", "b"], { label: "import" }, async (lock) => `${lock.fencingTokens.a}`);
export const number: Promise<number> = locks.withLock("a", () => 5);

export async function tried(): Promise<number | undefined> {
  const lock: AcquiredLock | undefined = await locks.tryAcquire("k", { waitMs: 0, renew: false, owner: "me" });
  await lock?.extend(5_000);
  const held: boolean | undefined = await lock?.release();
  return held ? lock?.fencingToken : undefined;
}

export function codeOf(error: unknown): LockErrorCode | undefined {
  return error instanceof LockError ? error.code : undefined;
}
