import type * as Otel from "@opentelemetry/api";
import type { LockError, LockErrorCode } from "../client/errors";
import type { ObservedCall } from "../client/observer";
import type { Instruments } from "./instruments";

/** Keys in a span's attributes, and how long each may be, in characters. */
const MOST_KEYS = 10;
const LONGEST_TEXT = 128;
/** `SpanStatusCode.ERROR`. */
const ERROR = 2;

/** Outcomes that have a name of their own; the others are `error`, and `error.type` has the code. */
const OUTCOMES: Partial<Record<LockErrorCode, string>> = { LOCK_TIMEOUT: "timeout", LOCK_NOT_ACQUIRED: "refused" };

interface Asked {
  keys: string | string[];
  owner: string | undefined;
  label: string | undefined;
}

/** @internal One call under observation. */
export class TelemetryCall implements ObservedCall {
  readonly #api: typeof Otel;
  readonly #tracer: Otel.Tracer | undefined;
  readonly #instruments: Instruments | undefined;
  readonly #kind: string;
  readonly #attributes: Otel.Attributes | undefined;
  /** The caller's context, where there is a tracer. */
  readonly #context: Otel.Context | undefined;
  readonly #acquire: Otel.Span | undefined;
  readonly #askedAt = performance.now();
  readonly #isMeasured: boolean;
  #heldAt = 0;
  #hold: Otel.Span | undefined;

  constructor(api: typeof Otel, tracer: Otel.Tracer | undefined, instruments: Instruments | undefined, kind: string, asked: Asked) {
    this.#api = api;
    this.#tracer = tracer;
    this.#instruments = instruments;
    this.#kind = kind;
    this.#isMeasured = instruments?.measures(this.#askedAt) === true;
    if (tracer) {
      this.#attributes = attributesOf(asked, kind);
      this.#context = api.context.active();
      this.#acquire = tracer.startSpan("lock.acquire", { attributes: this.#attributes }, this.#context);
    }
  }

  held(): void {
    this.#waited("held", undefined);
    this.#acquire?.end();
  }

  failed(error: unknown): void {
    const code = codeOf(error);
    this.#waited(OUTCOMES[code as LockErrorCode] ?? (code === undefined ? "withdrawn" : "error"), code);
    if (this.#acquire) {
      fail(this.#acquire, code ?? "withdrawn", error);
      this.#acquire.end();
    }
  }

  holds<T>(job: () => T, owner: () => string): T {
    this.#heldAt = this.#isMeasured ? performance.now() : 0;
    if (!this.#tracer || !this.#attributes || !this.#context) {
      return job();
    }
    const span = this.#tracer.startSpan("lock.hold", { attributes: this.#attributes }, this.#context);
    if (span.isRecording()) {
      span.setAttribute("lock.owner", owner());
    }
    this.#hold = span;
    // What the job does stands under its lock.
    return this.#api.context.with(this.#api.trace.setSpan(this.#context, span), job);
  }

  ended(lost: LockError | undefined): void {
    if (this.#isMeasured) {
      this.#instruments?.hold.record((performance.now() - this.#heldAt) / 1_000, this.#instruments.ofKind(this.#kind));
    }
    if (lost && this.#hold) {
      fail(this.#hold, lost.code, lost.cause ?? lost);
    }
    this.#hold?.end();
  }

  #waited(outcome: string, code: string | undefined): void {
    const instruments = this.#instruments;
    if (instruments) {
      if (this.#isMeasured || outcome !== "held") {
        const ofKind = instruments.ofKind(this.#kind);
        const attributes = code === undefined ? ofKind : { ...ofKind, "error.type": code };
        instruments.wait.record((performance.now() - this.#askedAt) / 1_000, attributes);
      }
      instruments.count(this.#kind, outcome, code);
    }
  }
}

function attributesOf({ keys, owner, label }: Asked, kind: string): Otel.Attributes {
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

/** The code of an error of ours; a withdrawn call fails with its signal's reason, which may be anything. */
function codeOf(error: unknown): string | undefined {
  const { __isMedusaError: ours, code } = (typeof error === "object" && error !== null ? error : {}) as Partial<LockError>;
  return ours && typeof code === "string" ? code : undefined;
}
