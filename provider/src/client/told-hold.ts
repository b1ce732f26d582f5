/** Owners that have one hold only. */
const UNIQUE_OWNER = /^(?:execute|grant):/;
/** A process with a hold in one of these states watches it, and would have noticed its end. */
const WATCHED: readonly (string | null)[] = ["held", "suspect", "lost"];

/** @internal The holder of a lock according to Redis. */
export interface StoredHold {
  owner: string | null;
  /** Redis has tokens and process marks only for named owners. */
  token: number | null;
  mark: string | null;
  record: string | null;
}

/** @internal A lock according to a process. Another process may have released it since. */
export interface ToldHold {
  owner: string;
  token: number | null;
  state: string | null;
}

/** @internal Whether this owner has one hold and never a later one. `*` stands for many holds, and a named owner may take the lock again. */
export function isUniqueOwner(owner: string): boolean {
  return UNIQUE_OWNER.test(owner);
}

/** @internal Whether the process with this mark describes the hold that is now in Redis. */
export function isHoldOf(stored: StoredHold, told: ToldHold, mark: string): boolean {
  if (stored.owner !== told.owner) {
    return false;
  }
  if (isUniqueOwner(told.owner)) {
    return true;
  }
  if (stored.token === null && stored.record === null) {
    return WATCHED.includes(told.state);
  }
  return stored.mark === mark || (stored.token !== null && stored.token === told.token);
}
