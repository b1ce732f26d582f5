// This file is compiled, but never run. It is code that a shop may write. Lines that must not compile are marked as expected errors.
import type { ILockingModule, ILockingProvider } from "@medusajs/framework/types";
import provider, { type Lock, type LockError, type LockingRedisOptions, RedisLockingProvider } from "medusa-locking-redis";

declare const locking: ILockingModule;

export async function asMedusaDocumentsIt(): Promise<void> {
  await locking.acquire("prod_123", { provider: "lp_locking-redis" });
  const count: number = await locking.execute(["a", "b"], async () => 1, { timeout: 5, expire: 60 });
  await locking.execute("a", async (signal) => signal?.aborted);
  const released: boolean = await locking.release("prod_123", { ownerId: "me" });
  console.log(count, released);
}

export async function withWhatThisPackageAdds(): Promise<void> {
  const withdrawn = new AbortController();
  await locking.acquire("a", { awaitQueue: true, timeout: Number.POSITIVE_INFINITY, signal: withdrawn.signal, expire: 10 });
  const token = await locking.execute(
    "a",
    async (signal, lock) => {
      lock.assertHeld();
      const left: number = lock.remainingMs();
      const owner: string = lock.ownerId;
      const keys: readonly string[] = lock.keys;
      console.log(signal?.aborted, left, owner, keys, lock.signal === signal);
      return lock.fencingTokens.a;
    },
    { timeout: 5, signal: withdrawn.signal },
  );
  const maybe: number | undefined = token;
  console.log(maybe);
}

export async function refusedByTheCompiler(lock: Lock): Promise<void> {
  // @ts-expect-error keys are strings
  await locking.acquire(5);
  // @ts-expect-error there is no such argument
  await locking.acquire("a", { waitQueue: true });
  // @ts-expect-error a token may be missing
  const token: number = lock.fencingTokens.a;
  // @ts-expect-error the lock is read only
  lock.ownerId = "me";
  console.log(token);
}

export const options: LockingRedisOptions = { redisUrl: "redis://localhost", waitLockingTimeout: "5", maximumStallMs: 60_000 };

export const clustered: LockingRedisOptions = { cluster: { startupNodes: [{ host: "localhost", port: 7000 }] }, tryWaitMs: 5 };

// @ts-expect-error redisUrl is required, or cluster
export const incomplete: LockingRedisOptions = { namespace: "shop:" };

export function codes(error: LockError): string {
  if (error.code === "LOCK_TIMEOUT" || error.code === "LOCK_LOST") {
    return error.keys.join();
  }
  // @ts-expect-error there is no such code
  return error.code === "LOCK_STOLEN" ? "" : error.type;
}

export const service: new (...args: never[]) => ILockingProvider = RedisLockingProvider;
export const services: unknown[] | undefined = provider.services;
