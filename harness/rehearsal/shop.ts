// This file is only compiled. It shows the installed package as a shop's TypeScript sees it.
import type { ILockingModule } from "@medusajs/framework/types";
import provider, { type Lock, type LockingRedisOptions } from "medusa-locking-redis";

declare const locking: ILockingModule;

export const options: LockingRedisOptions = { redisUrl: "redis://localhost:6379" };
export const services: unknown = provider;

export async function save(): Promise<number | undefined> {
  return locking.execute("a", async (_signal, lock: Lock) => lock.fencingTokens.a, { timeout: 5 });
}
