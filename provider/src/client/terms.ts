/** @internal How a lease is kept after the keys were taken: not at all, known to the client by a hold, or also renewed. */
export enum Keep {
  No = 0,
  Known = 1,
  Renewed = 2,
}

/** @internal How keys are taken. */
export interface LockTerms {
  /** Length of the lease; 0 for a named owner: no lease. */
  leaseMs: number;
  /** Longest wait. May be Infinity. */
  waitMs: number;
  /** Withdraws the wait. */
  signal: AbortSignal | undefined;
  /** The user's label for the call. */
  label: string | undefined;
}

/** @internal How keys are taken for a named owner. */
export interface AcquireTerms extends LockTerms {
  /** The time limit begins when the client finds the key held. At its end the call is refused; it does not time out. */
  refuse: boolean;
  /** How the lease is kept afterwards. */
  keep: Keep;
}
