/** @internal What happens to a lease after the keys were taken: nothing, a hold stands for it, or it is renewed, too. */
export enum Keep {
  No = 0,
  Known = 1,
  Renewed = 2,
}

/** @internal How keys are taken. */
export interface LockTerms {
  /** Length of the lease; 0 for a named owner: without an end. */
  leaseMs: number;
  /** Longest wait. May be Infinity. */
  waitMs: number;
  /** Withdraws the wait. */
  signal: AbortSignal | undefined;
  /** Who wants the keys, in the user's words. */
  label: string | undefined;
}

/** @internal How keys are taken for a named owner. */
export interface AcquireTerms extends LockTerms {
  /** The wait begins when the key is found held, and ends with a refusal instead of a time-out. */
  refuse: boolean;
  /** What happens to the lease afterwards. */
  keep: Keep;
}
