/** Owners of one hold only. */
const UNIQUE_OWNER = /^(?:execute|grant):/;
/** A process with a hold in one of these states looks after it, and would have noticed its end. */
const WATCHED: readonly (string | null)[] = ["held", "suspect", "lost"];

/** @internal What Redis has about who holds a lock. */
export interface StoredHold {
  owner: string | null;
  /** Redis has tokens and marks of owners by name only. */
  token: number | null;
  mark: string | null;
  record: string | null;
}

/** @internal What a process says of a lock. It may have been released by another process since. */
export interface ToldHold {
  owner: string;
  token: number | null;
  state: string | null;
}

/** @internal Whether this is the name of one hold, and of no later one. `*` is many, and an owner by name may take the lock again. */
export function isUniqueOwner(owner: string): boolean {
  return UNIQUE_OWNER.test(owner);
}

/** @internal Whether what the process with this mark says of a lock is about the hold that stands in Redis. */
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
