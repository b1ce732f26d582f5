import type * as Otel from "@opentelemetry/api";
import type { LossKind } from "../client/errors";
import { guarded, type Log, textOf } from "../client/guard";
import { type Observable, type ObservedCall, type Observer, registeredTelemetry } from "../client/observer";
import type { LockTerms } from "../client/terms";
import { TelemetryCall } from "./call";
import { Instruments } from "./instruments";
import { type KeyKind, Kinds } from "./kinds";

const NAME = "medusa-locking-redis";
const REASONS: Record<LossKind, string> = {
  lapsed: "lapsed",
  stuck: "stuck",
  ended: "ended",
  "taken-away": "deleted",
  released: "released",
  closed: "closed",
};

/** @internal The terms of the telemetry. */
export interface TelemetryTerms {
  keyKind: KeyKind | undefined;
  /** Attributes that tell this client from others: the place of Redis, and the namespace. */
  place: Otel.Attributes;
  log: Log;
  /** Loads the package, or throws. */
  load(): typeof Otel;
}

/**
 * @internal Metrics and traces through OpenTelemetry's API, for the parts of it that are registered, also if they are registered after the client
 * was made.
 */
export class Telemetry implements Observer {
  readonly #terms: TelemetryTerms;
  readonly #kinds: Kinds;
  /** `null`: the package cannot be loaded. */
  #api: typeof Otel | null | undefined;
  #tracer: Otel.Tracer | undefined;
  #instruments: Instruments | undefined;
  #client: WeakRef<Observable> | undefined;
  #failureTold = false;

  constructor(terms: TelemetryTerms) {
    this.#terms = terms;
    this.#kinds = new Kinds(terms.keyKind, terms.log);
  }

  watches(client: WeakRef<Observable>): void {
    this.#client = client;
    this.#look();
  }

  begins(keys: string | string[], terms: LockTerms, owner?: string): ObservedCall | undefined {
    const api = this.#look();
    if (!api) {
      return undefined;
    }
    const kind = this.#kinds.of(keys);
    const now = performance.now();
    const tracer = this.#tracer;
    const acquisitions = this.#instruments?.ofKind(kind);
    const durations = this.#instruments?.records(now) ? this.#instruments : undefined;
    if (acquisitions && !durations && !tracer) {
      return acquisitions;
    }
    const means = { api, tracer, acquisitions, durations, failed: this.#failed };
    return new TelemetryCall(means, now, { kind, keys, owner, label: terms.label });
  }

  loses(keys: string[], why: LossKind): void {
    if (this.#look()) {
      const attributes = { "lock.key.kind": this.#kinds.of(keys), "lock.loss.reason": REASONS[why] };
      guarded(() => this.#instruments?.losses.add(1, attributes), this.#failed);
    }
  }

  ends(): void {
    guarded(() => this.#instruments?.stop(), this.#failed);
  }

  /** Starts to use the parts that were registered meanwhile. Returns the package if a part of it is used. */
  #look(): typeof Otel | undefined {
    const { trace, metrics } = registeredTelemetry();
    const api = trace || metrics ? this.#load() : undefined;
    if (api && ((trace && !this.#tracer) || (metrics && !this.#instruments))) {
      guarded(() => this.#takeUp(api, trace, metrics), this.#failed);
    }
    return api;
  }

  #takeUp(api: typeof Otel, trace: boolean, metrics: boolean): void {
    if (trace && !this.#tracer) {
      this.#tracer = api.trace.getTracer(NAME);
    }
    if (metrics && !this.#instruments) {
      this.#instruments = new Instruments(api.metrics.getMeter(NAME), this.#kinds, this.#terms.place);
      if (this.#client) {
        this.#instruments.ask(this.#client);
      }
    }
  }

  #load(): typeof Otel | undefined {
    if (this.#api === undefined) {
      try {
        this.#api = this.#terms.load();
      } catch (error) {
        this.#api = null;
        this.#terms.log.warn(
          `There are no metrics and traces of locks, since @opentelemetry/api cannot be loaded: ${textOf(error).split("\n", 1)[0]}. Install it next to medusa-locking-redis, or set telemetry: false.`,
        );
      }
    }
    return this.#api ?? undefined;
  }

  /** An error of the registered telemetry is logged once. A call loses no more than its record. */
  readonly #failed = (error: unknown): void => {
    if (!this.#failureTold) {
      this.#failureTold = true;
      this.#terms.log.warn(
        `The registered OpenTelemetry failed (${textOf(error).split("\n", 1)[0]}), so metrics or traces of locks are missing.`,
      );
    }
  };
}
