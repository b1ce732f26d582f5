// Callers with a few named owners, which take the same keys again with other terms: renewed, with a lock object, or neither; with leases of
// several lengths, or without a lease.

import { setTimeout as sleep } from "node:timers/promises";
import { nowMs } from "./random.mjs";

/** The number of owner names. They belong to one process or to all, so that an owner often takes a lock that it already has. */
const NAMES = 2;
const EXPIRES_S = [1, 2, 3];
const LONGEST_STAY_MS = 40;
/** As long as a few leases, so that one caller stays longer than the terms of another caller last. */
const LONG_STAY_MS = 4_000;

/**
 * @param {object} options the parts of worker.mjs
 * @param {string} options.owners `of each process`, or `of all`; with `of all` a release may concern a lock of another process
 * @param {number} options.place the number of this process
 * @returns {() => Promise<void>} one visit: takes keys, stays for a while, and gives them back or leaves them to their lease
 */
export function ownersVisits({ locking, random, count, write, keys, owners, place, timeoutS }) {
  const by = process.pid;
  const shared = owners === "of all";
  let serial = 0;

  /** Records the proofs of the lock object until the object says that the lock is lost, or until `end`. */
  async function prove(lock, owner, asked, end) {
    const id = ++serial;
    const saysHeld = () => {
      try {
        lock.assertHeld();
        return lock.remainingMs() > 0;
      } catch {
        return false;
      }
    };
    const from = nowMs();
    if (!saysHeld()) return;
    count("holds");
    write({
      start: {
        id,
        by,
        kind: "owner",
        owner,
        asked,
        from,
        keys: lock.keys,
        tokens: lock.keys.map((key) => lock.fencingTokens[key] ?? null),
      },
    });
    let to = from;
    while (nowMs() < end) {
      await sleep(random.between(1, 20));
      const at = nowMs();
      if (!saysHeld()) break;
      to = at;
    }
    write({ end: { id, by, to } });
  }

  return async () => {
    const owner = `${shared ? "owner" : `owner-${place}`}-${random.below(NAMES)}`;
    const of = random.chance(0.7) ? [random.of(keys)] : random.shuffled(keys).slice(0, 2);
    // If another process may give the lock back, the holder of a lock without a lease would learn of this late. So there is always a lease
    // then.
    const expire = !shared && random.chance(0.2) ? undefined : random.of(EXPIRES_S);
    let lock;
    const onHeld = (held) => {
      lock = held;
    };
    const terms = random.of([{}, { onHeld }, { onHeld, onLost: () => count("told") }, { onHeld, renew: true }, { renew: true }]);
    const waits = random.chance(0.8) ? { awaitQueue: true, timeout: timeoutS } : {};
    const asked = nowMs();
    await locking.acquire(of, { ownerId: owner, expire, ...terms, ...waits });
    const endless = expire === undefined && !terms.renew;
    const stayMs = random.chance(0.004) ? random.below(LONG_STAY_MS) : random.below(LONGEST_STAY_MS);
    if (lock) await prove(lock, owner, asked, nowMs() + stayMs);
    else await sleep(stayMs);
    // Locks that nobody gives back lapse, unless they are renewed or have no lease.
    if (!endless && !terms.renew && random.chance(0.02)) return;
    const from = nowMs();
    if (random.chance(0.1)) {
      await locking.releaseAll({ ownerId: owner });
      write({ released: { by, owner, keys, from, to: nowMs(), isAll: true } });
    } else {
      await locking.release(of, { ownerId: owner });
      write({ released: { by, owner, keys: of, from, to: nowMs() } });
    }
  };
}
