import type * as Otel from "@opentelemetry/api";
import type { LockError } from "../client/errors";
import { guarded } from "../client/guard";
import type { ObservedCall } from "../client/observer";
import { type Acquisitions, codeOf } from "./acquisitions";
import type { Instruments } from "./instruments";

/** The most keys in a span's attributes, and the longest text of each, in characters. */
const MOST_KEYS = 10;
const LONGEST_TEXT = 128;
/** `SpanStatusCode.ERROR`. */
const ERROR = 2;

/** The arguments of a call. */
interface Asked {
  kind: string;
  keys: string | string[];
  owner: string | undefined;
  label: string | undefined;
}

/** @internal The telemetry to which a call reports. */
export interface Means {
  api: typeof Otel;
  tracer: Otel.Tracer | undefined;
  /** The counts of its kind, if there is a meter. */
  acquisitions: Acquisitions | undefined;
  /** The instruments that record its durations, if they are recorded. */
  durations: Instruments | undefined;
  /** Gets an error that the registered telemetry throws. */
  failed(error: unknown): void;
}

/** The spans of a call, and the context in which it was made. */
interface Spans {
  tracer: Otel.Tracer;
  context: Otel.Context;
  attributes: Otel.Attributes;
  acquire: Otel.Span;
  hold?: Otel.Span;
}

/** @internal One call that has spans or recorded durations. An error of the registered telemetry does not reach the call. */
export class TelemetryCall implements ObservedCall {
  readonly #means: Means;
  readonly #askedAt: number;
  readonly #spans: Spans | undefined;
  #heldAt = 0;

  constructor(means: Means, askedAt: number, asked: Asked) {
    this.#means = means;
    this.#askedAt = askedAt;
    const { api, tracer } = means;
    if (tracer) {
      this.#spans = this.#guarded(() => {
        const attributes = attributesOf(asked);
        const context = api.context.active();
        return { tracer, context, attributes, acquire: tracer.startSpan("lock.acquire", { attributes }, context) };
      });
    }
  }

  held(): void {
    this.#heldAt = performance.now();
    this.#means.acquisitions?.held();
    this.#guarded(() => {
      this.#waited(this.#heldAt, undefined);
      this.#spans?.acquire.end();
    });
  }

  failed(error: unknown): void {
    const code = codeOf(error);
    this.#means.acquisitions?.failed(error);
    this.#guarded(() => {
      this.#waited(performance.now(), code);
      if (this.#spans) {
        fail(this.#spans.acquire, code ?? "withdrawn", error);
        this.#spans.acquire.end();
      }
    });
  }

  holds<T>(job: () => T, owner: () => string): T {
    const spans = this.#spans;
    const context = spans && this.#guarded(() => this.#beginHold(spans, owner));
    // Spans that the job makes become children of its lock's span.
    return context ? this.#means.api.context.with(context, job) : job();
  }

  ended(lost: LockError | undefined): void {
    this.#guarded(() => {
      const { durations, acquisitions } = this.#means;
      durations?.hold.record((performance.now() - this.#heldAt) / 1_000, acquisitions?.attributes);
      const hold = this.#spans?.hold;
      if (lost && hold) {
        fail(hold, lost.code, lost.cause ?? lost);
      }
      hold?.end();
    });
  }

  #beginHold(spans: Spans, owner: () => string): Otel.Context {
    const { tracer, attributes, context } = spans;
    spans.hold = tracer.startSpan("lock.hold", { attributes }, context);
    if (spans.hold.isRecording()) {
      spans.hold.setAttribute("lock.owner", owner());
    }
    return this.#means.api.trace.setSpan(context, spans.hold);
  }

  /** Records how long the call waited. */
  #waited(now: number, code: string | undefined): void {
    const { durations, acquisitions } = this.#means;
    const attributes = code === undefined ? acquisitions?.attributes : { ...acquisitions?.attributes, "error.type": code };
    durations?.wait.record((now - this.#askedAt) / 1_000, attributes);
  }

  #guarded<T>(tell: () => T): T | undefined {
    return guarded(tell, this.#means.failed);
  }
}

function attributesOf({ kind, keys, owner, label }: Asked): Otel.Attributes {
  const named = typeof keys === "string" ? [keys] : keys;
  return {
    "lock.key.kind": kind,
    "lock.keys": named.slice(0, MOST_KEYS).map(cut),
    "lock.key.count": named.length,
    ...(owner === undefined ? {} : { "lock.owner": cut(owner) }),
    ...(label === undefined ? {} : { "lock.label": label }),
  };
}

function cut(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT - 1)}…` : text;
}

function fail(span: Otel.Span, type: string, error: unknown): void {
  span.setAttribute("error.type", type);
  span.setStatus({ code: ERROR, message: error instanceof Error ? error.message : type });
}
