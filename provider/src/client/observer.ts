import type { LockError, LossKind } from "./errors";
import type { LockTerms } from "./terms";

/** Plain numbers about a client, at this moment or since it was made. */
export interface ClientStats {
  /** Calls that asked for a lock, since the client was made. */
  calls: number;
  /**
   * Keys that this client holds, as far as it knows. The client does not watch a lock of `acquire` without `renew`, `onHeld` and `onLost`. If
   * another process releases such a lock, it counts here until its lease ends. Up to 10,000 such keys without a lease count until the client
   * forgets them.
   */
  held: number;
  /** Calls that wait now. */
  waiting: number;
  /** Locks that were lost, since the client was made. */
  losses: number;
  /** Renewals of leases that failed, since the client was made. */
  renewalsFailed: number;
  /** Connections after the first, since the client was made. */
  reconnects: number;
  /** Whether the connection to Redis stands. In a cluster: whether the connections to all nodes stand. */
  isUp: boolean;
  /** How calls wait: by `hand-off`, by `polling`, or by polling and without side keys (`plain`); `undefined` before the first connection. */
  mode: "hand-off" | "polling" | "plain" | undefined;
}

/** @internal The parts of a client that an observer may read. */
export interface Observable {
  stats(): ClientStats;
  /** The held keys, at most `most`, by the names that their callers used. */
  heldKeys(most: number): string[];
  /** How many calls wait for each key. */
  awaitedKeys(): { key: string; count: number }[];
}

/** @internal Observes a client at work, for metrics and traces. No method throws. */
export interface Observer {
  /** The client is made. The observer may read it until it is closed. */
  watches(client: WeakRef<Observable>): void;
  /** A call asks for keys. Returns `undefined` if nobody wants to know. `owner` is the owner of a call of `acquire`. */
  begins(keys: string | string[], terms: LockTerms, owner?: string): ObservedCall | undefined;
  /** A lock was lost. */
  loses(keys: string[], why: LossKind): void;
  /** The client is closed. */
  ends(): void;
}

/** @internal One observed call. */
export interface ObservedCall {
  /** The keys are held. */
  held(): void;
  /** The keys are not held, and will not be. */
  failed(error: unknown): void;
  /** Runs the job that holds the keys, for an observer that needs something around it. `owner` returns the owner of the keys. */
  holds?<T>(job: () => T, owner: () => string): T;
  /** The keys of the job were given back, or are lost. */
  ended(lost: LockError | undefined): void;
}

/** The name under which all copies of OpenTelemetry's API of version 1 share the registered parts. */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");

/** @internal Whether anything of OpenTelemetry is registered in this process. */
export function isTelemetryRegistered(): boolean {
  return (globalThis as { [REGISTERED]?: unknown })[REGISTERED] !== undefined;
}

/** @internal Which parts of OpenTelemetry are registered in this process. */
export function registeredTelemetry(): { trace: boolean; metrics: boolean } {
  const { trace, metrics } = (globalThis as { [REGISTERED]?: { trace?: unknown; metrics?: unknown } })[REGISTERED] ?? {};
  return { trace: trace !== undefined, metrics: metrics !== undefined };
}
