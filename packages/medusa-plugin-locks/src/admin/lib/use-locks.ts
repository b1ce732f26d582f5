import type { LockList } from "medusa-locking-redis";
import { useEffect, useRef, useState } from "react";
import { findLock, listLocks, statusOf } from "./client";
import { pauseAfter } from "./pause";
import { MOST_WAITS } from "./waits-line";

/** Why there is no newer list. */
export interface Trouble {
  /** `provider`: the store's lock provider does not show its locks; `redis`: Redis does not answer; `server`: anything else. */
  kind: "provider" | "redis" | "server";
  reason: string;
}

interface Known {
  /** The newest list; undefined: there is none yet. */
  list: LockList | undefined;
  trouble: Trouble | undefined;
  /** How many calls waited at each of the last answers, the newest last. */
  waits: readonly number[];
}

/**
 * Reads the locks again and again while the page is visible. If there are more locks than the list has, the lock with exactly the key
 * `sought` is added to the list. `refresh` reads at once.
 */
export function useLocks(sought: string): Known & { refresh: () => void } {
  const [known, setKnown] = useState<Known>({ list: undefined, trouble: undefined, waits: [] });
  const [turn, setTurn] = useState(0);
  const newestSought = useRef(sought);
  newestSought.current = sought;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new turn asks at once.
  useEffect(() => {
    const ended = new AbortController();
    let timer: number | undefined;
    let isAsking = false;
    const look = async () => {
      window.clearTimeout(timer);
      if (document.hidden || isAsking) {
        return;
      }
      isAsking = true;
      const askedAt = performance.now();
      let tookMs = 0;
      try {
        const list = await listWith(newestSought.current, ended.signal);
        tookMs = performance.now() - askedAt;
        if (!ended.signal.aborted) {
          setKnown(({ waits }) => ({ list, trouble: undefined, waits: [...waits, waitersOf(list)].slice(-MOST_WAITS) }));
        }
      } catch (error) {
        if (!ended.signal.aborted) {
          setKnown((before) => ({ ...before, trouble: troubleOf(error) }));
        }
      }
      isAsking = false;
      if (!ended.signal.aborted) {
        timer = window.setTimeout(look, pauseAfter(tookMs));
      }
    };
    document.addEventListener("visibilitychange", look);
    void look();
    return () => {
      ended.abort();
      window.clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [turn]);

  return { ...known, refresh: () => setTurn((before) => before + 1) };
}

async function listWith(sought: string, signal: AbortSignal): Promise<LockList> {
  const list = await listLocks(signal);
  if (!list.more || sought === "" || list.locks.some(({ key }) => key === sought)) {
    return list;
  }
  const lock = await findLock(sought, signal);
  return lock === undefined ? list : { ...list, locks: [lock, ...list.locks] };
}

function waitersOf({ locks }: LockList): number {
  return locks.reduce((sum, { waiters }) => sum + waiters.count, 0);
}

function troubleOf(error: unknown): Trouble {
  const reason = error instanceof Error ? error.message : String(error);
  const kinds: Record<number, Trouble["kind"]> = { 501: "provider", 503: "redis" };
  return { kind: kinds[statusOf(error) ?? 0] ?? "server", reason };
}
