// This file is compiled, but never run. A shop has written it against Medusa's own types. It still compiles if the package is imported
// somewhere.
import type { Context, ILockingModule, ILockingProvider } from "@medusajs/framework/types";
import type { Lock } from "medusa-locking-redis";

export class AsMedusaDeclaresIt implements ILockingModule {
  async execute<T>(
    _keys: string | string[],
    job: (signal?: AbortSignal) => Promise<T>,
    _args?: { timeout?: number; expire?: number; provider?: string },
    _sharedContext?: Context,
  ): Promise<T> {
    return await job();
  }
  async acquire(_keys: string | string[], _args?: { ownerId?: string | null; expire?: number; provider?: string }): Promise<void> {}
  async release(_keys: string | string[], _args?: { ownerId?: string | null; provider?: string }): Promise<boolean> {
    return true;
  }
  async releaseAll(_args?: { ownerId?: string | null; provider?: string }): Promise<void> {}
}

export class AsItWasBeforeSignals implements ILockingModule {
  async execute<T>(_keys: string | string[], job: () => Promise<T>, _args?: { timeout?: number; provider?: string }): Promise<T> {
    return await job();
  }
  async acquire(): Promise<void> {}
  async release(): Promise<boolean> {
    return true;
  }
  async releaseAll(): Promise<void> {}
}

export const double: ILockingModule = {
  execute: async (_keys, job) => job(),
  acquire: async (keys, args) => console.log(keys, args?.ownerId, args?.expire, args?.provider),
  release: async () => true,
  releaseAll: async () => {},
};

export const doubleWithASignal: ILockingModule = { ...double, execute: (_keys, job) => job(new AbortController().signal) };

export class OtherProvider implements ILockingProvider {
  static identifier = "other";
  async execute<T>(_keys: string | string[], job: (signal?: AbortSignal) => Promise<T>): Promise<T> {
    return await job();
  }
  async acquire(_keys: string | string[], _args?: { ownerId?: string | null; expire?: number }): Promise<void> {}
  async release(): Promise<boolean> {
    return true;
  }
  async releaseAll(): Promise<void> {}
}

type Mock<F extends (...args: never[]) => unknown> = F & { calls: Parameters<F>[] };
type Mocked<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? Mock<T[K]> : T[K] } & T;
export const mocked = (mock: Mocked<ILockingModule>): ILockingModule => mock;

export async function jobsOfEveryKind(locking: ILockingModule): Promise<number> {
  await locking.execute("k", async () => {});
  await locking.execute("k", async (signal) => signal?.aborted);
  await locking.execute("k", async (signal, lock) => [signal?.aborted, lock.remainingMs(), lock.signal.aborted]);
  await locking.execute("k", async (signal: AbortSignal, lock: Lock) => [signal.aborted, lock.remainingMs()]);
  await locking.acquire("k", { renew: true, onHeld: (lock) => lock.keys, onLost: async (error) => console.log(error.code) });
  await locking.acquire("k", { onHeld: async (lock) => lock.assertHeld() });
  return await locking.execute(["k", "l"], async () => 1, { timeout: 5 });
}
