import type { Attributes, BatchObservableResult, Meter } from "@opentelemetry/api";
import type { Observable } from "../client/observer";
import { Acquisitions } from "./acquisitions";
import type { Kinds } from "./kinds";

/** In seconds: from one round trip to Redis to the longest usual time limits. */
const BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** The most keys whose kinds are read for the number of locks of each kind. Further keys count as kind `other`. */
const MOST_HELD = 10_000;

/**
 * In each second the durations of so many calls are all recorded, and then those of one call out of so many. The reason is that two records of the
 * SDK take longer than a job.
 */
const ALL_OF_MS = 1_000;
const ALL_UP_TO = 1_000;
const ONE_OF = 64;

/** @internal The metrics. docs/TELEMETRY.md has the list. */
export class Instruments {
  readonly wait;
  readonly hold;
  readonly losses;
  readonly #meter: Meter;
  readonly #asked;
  /** Ends the callback that reads the client. */
  stop = () => {};

  constructor(meter: Meter, kinds: Kinds, place: Attributes) {
    const seconds = { unit: "s", advice: { explicitBucketBoundaries: BUCKETS_S } };
    this.#meter = meter;
    this.wait = meter.createHistogram("lock.wait.duration", { ...seconds, description: "From the call to its lock, or to its failure." });
    this.hold = meter.createHistogram("lock.hold.duration", { ...seconds, description: "From the lock to the end of its release." });
    this.losses = meter.createCounter("lock.losses", { unit: "{lock}", description: "Locks that were lost, by the reason." });
    this.#asked = {
      acquisitions: meter.createObservableCounter("lock.acquisitions", {
        unit: "{acquisition}",
        description: "Calls that asked for a lock, by their outcome.",
      }),
      waiters: meter.createObservableUpDownCounter("lock.waiters", { unit: "{call}", description: "Calls that wait now." }),
      held: meter.createObservableUpDownCounter("lock.held", { unit: "{lock}", description: "Keys that are held now." }),
      renewalsFailed: meter.createObservableCounter("lock.renewals.failed", {
        unit: "{renewal}",
        description: "Renewals of leases that did not come about.",
      }),
      reconnects: meter.createObservableCounter("lock.reconnects", {
        unit: "{reconnect}",
        description: "Connections to Redis after the first.",
      }),
      up: meter.createObservableGauge("lock.connection.up", { description: "1 while the connection to Redis stands, else 0." }),
    };
    this.#place = place;
    this.#kinds = kinds;
  }

  readonly #place: Attributes;
  readonly #kinds: Kinds;
  #secondBegan = 0;
  #ofSecond = 0;
  readonly #acquisitions = new Map<string, Acquisitions>();

  /** The counts of a kind; always the same object. */
  ofKind(kind: string): Acquisitions {
    let acquisitions = this.#acquisitions.get(kind);
    if (!acquisitions) {
      acquisitions = new Acquisitions(kind);
      this.#acquisitions.set(kind, acquisitions);
    }
    return acquisitions;
  }

  /** Whether the durations of a call that begins now are recorded. */
  records(now: number): boolean {
    if (now - this.#secondBegan >= ALL_OF_MS) {
      this.#secondBegan = now;
      this.#ofSecond = 0;
    }
    this.#ofSecond += 1;
    return this.#ofSecond <= ALL_UP_TO || this.#ofSecond % ONE_OF === 0;
  }

  /** Lets the meter read this client. */
  ask(client: WeakRef<Observable>): void {
    const asked = Object.values(this.#asked);
    const observe = (result: BatchObservableResult) => {
      const alive = client.deref();
      if (alive) {
        this.#observe(result, alive);
      }
    };
    this.#meter.addBatchObservableCallback(observe, asked);
    this.stop = () => this.#meter.removeBatchObservableCallback(observe, asked);
  }

  #observe(result: BatchObservableResult, client: Observable): void {
    const place = this.#place;
    const { held, renewalsFailed, reconnects, isUp, mode } = client.stats();
    result.observe(this.#asked.renewalsFailed, renewalsFailed, place);
    result.observe(this.#asked.reconnects, reconnects, place);
    result.observe(this.#asked.up, isUp ? 1 : 0, { ...place, "lock.mode": mode ?? "none" });
    for (const acquisitions of this.#acquisitions.values()) {
      for (const [attributes, count] of acquisitions.counts()) {
        result.observe(this.#asked.acquisitions, count, { ...place, ...attributes });
      }
    }
    const waiters = this.#byKind(client.awaitedKeys());
    for (const [kind, count] of waiters) {
      result.observe(this.#asked.waiters, count, { ...place, "lock.key.kind": kind });
    }
    const keys = client.heldKeys(MOST_HELD);
    const locks = this.#byKind(keys.map((key) => ({ key, count: 1 })));
    if (held > keys.length) {
      locks.set("other", (locks.get("other") ?? 0) + held - keys.length);
    }
    for (const [kind, count] of locks) {
      result.observe(this.#asked.held, count, { ...place, "lock.key.kind": kind });
    }
  }

  #byKind(counts: { key: string; count: number }[]): Map<string, number> {
    const byKind = new Map<string, number>();
    for (const { key, count } of counts) {
      const kind = this.#kinds.of(key);
      byKind.set(kind, (byKind.get(kind) ?? 0) + count);
    }
    return byKind;
  }
}
