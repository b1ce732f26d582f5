import Medusa from "@medusajs/js-sdk";
import type { LockList, LockStatus } from "medusa-locking-redis";

// The store's build of the Admin replaces these names.
declare const __BACKEND_URL__: string | undefined;
declare const __AUTH_TYPE__: "session" | "jwt" | undefined;
declare const __JWT_TOKEN_STORAGE_KEY__: string | undefined;

const tokenKey = __JWT_TOKEN_STORAGE_KEY__ || undefined;
const sdk = new Medusa({
  baseUrl: __BACKEND_URL__ ?? "/",
  auth: { type: __AUTH_TYPE__ ?? "session", ...(tokenKey === undefined ? {} : { jwtTokenStorageKey: tokenKey }) },
});

/** The number of locks that the page reads. */
const MOST_LOCKS = 1_000;

/** The locks, the longest waits first. */
export function listLocks(signal: AbortSignal): Promise<LockList> {
  return sdk.client.fetch<LockList>("/admin/locks", { query: { limit: MOST_LOCKS }, signal });
}

/** One lock; undefined: nobody has it and nobody waits for it. */
export async function findLock(key: string, signal: AbortSignal): Promise<LockStatus | undefined> {
  try {
    return (await sdk.client.fetch<{ lock: LockStatus }>("/admin/locks", { query: { key }, signal })).lock;
  } catch (error) {
    if (statusOf(error) === 404) {
      return undefined;
    }
    throw error;
  }
}

/** Takes a lock away from the hold that the user saw. */
export function releaseLock({ key, owner, token }: LockStatus): Promise<{ freed: string; by: string }> {
  return sdk.client.fetch("/admin/locks/release", { method: "POST", body: { key, owner: owner ?? "", token } });
}

/** The HTTP status of an error of the client. */
export function statusOf(error: unknown): number | undefined {
  const status = typeof error === "object" && error !== null ? (error as { status?: unknown }).status : undefined;
  return typeof status === "number" ? status : undefined;
}
