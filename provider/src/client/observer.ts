import type { LockError, LossKind } from "./errors";
import type { LockTerms } from "./terms";

/** Plain numbers about a client, at this moment or since it was made. */
export interface ClientStats {
  /** Calls that asked for a lock, since the client was made. */
  calls: number;
  /**
   * Keys that this client holds, as far as it knows. It does not look after a lock of `acquire` without `renew`, `onHeld` and `onLost`: where another
   * process releases one, it counts here until its lease ends; without a lease, up to 10,000 such keys count until they are forgotten.
   */
  held: number;
  /** Calls that wait now. */
  waiting: number;
  /** Locks that were lost, since the client was made. */
  losses: number;
  /** Renewals of leases that did not come about, since the client was made. */
  renewalsFailed: number;
  /** Connections after the first, since the client was made. */
  reconnects: number;
  /** Whether the connection to Redis stands. In a cluster: those to all of its nodes. */
  isUp: boolean;
  /** How calls wait: by `hand-off`, by `polling`, or by polling and without side keys (`plain`); `undefined` before the first connection. */
  mode: "hand-off" | "polling" | "plain" | undefined;
}

/** @internal What an observer may ask. */
export interface Observable {
  stats(): ClientStats;
  /** The keys that are held, at most `most`, as their callers named them. */
  heldKeys(most: number): string[];
  /** How many calls wait for which key. */
  awaitedKeys(): { key: string; count: number }[];
}

/** @internal Looks on while a client works: for metrics and traces. No method throws. */
export interface Observer {
  /** The client is made; it is asked as long as it is not closed. */
  watches(client: WeakRef<Observable>): void;
  /** A call asks for keys. `undefined` if nobody wants to know. `owner` is the named one. */
  begins(keys: string | string[], terms: LockTerms, owner?: string): ObservedCall | undefined;
  /** A lock was lost. */
  loses(keys: string[], why: LossKind): void;
  /** The client is closed. */
  ends(): void;
}

/** @internal One call that is looked at. */
export interface ObservedCall {
  /** The keys are held. */
  held(): void;
  /** They are not, and will not be. */
  failed(error: unknown): void;
  /** Runs the job that holds the keys, where something has to stand around it. `owner` says whose they are. */
  holds?<T>(job: () => T, owner: () => string): T;
  /** The keys of the job were given back, or are lost. */
  ended(lost: LockError | undefined): void;
}

/** The name by which all copies of OpenTelemetry's API of version 1 share what is registered. */
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
