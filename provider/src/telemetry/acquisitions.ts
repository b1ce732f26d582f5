import type { Attributes } from "@opentelemetry/api";
import type { LockError, LockErrorCode } from "../client/errors";
import type { ObservedCall } from "../client/observer";

/** Outcomes that have a name of their own; the others are `error`, and `error.type` has the code. */
const OUTCOMES: Partial<Record<LockErrorCode, string>> = { LOCK_TIMEOUT: "timeout", LOCK_NOT_ACQUIRED: "refused" };

/**
 * @internal The calls for keys of one kind, counted by their outcome. Numbers of our own cost less than a counter of the meter. It stands for every
 * call that is counted and nothing else, so that such a call needs no object.
 */
export class Acquisitions implements ObservedCall {
  /** Of this kind's durations. */
  readonly attributes: Attributes;
  #held = 0;
  /** By code; `undefined` is a call that was withdrawn. */
  readonly #failed = new Map<string | undefined, number>();

  constructor(kind: string) {
    this.attributes = { "lock.key.kind": kind };
  }

  held(): void {
    this.#held += 1;
  }

  failed(error: unknown): void {
    const code = codeOf(error);
    this.#failed.set(code, (this.#failed.get(code) ?? 0) + 1);
  }

  ended(): void {}

  /** How many calls there were, by the attributes that tell their outcomes apart. */
  *counts(): Generator<[Attributes, number]> {
    if (this.#held > 0) {
      yield [{ ...this.attributes, "lock.outcome": "held" }, this.#held];
    }
    for (const [code, count] of this.#failed) {
      const outcome = code === undefined ? { "lock.outcome": "withdrawn" } : { "lock.outcome": outcomeOf(code), "error.type": code };
      yield [{ ...this.attributes, ...outcome }, count];
    }
  }
}

function outcomeOf(code: string): string {
  return OUTCOMES[code as LockErrorCode] ?? "error";
}

/** @internal The code of an error of ours; a withdrawn call fails with its signal's reason, which may be anything. */
export function codeOf(error: unknown): string | undefined {
  const { __isMedusaError: ours, code } = (typeof error === "object" && error !== null ? error : {}) as Partial<LockError>;
  return ours && typeof code === "string" ? code : undefined;
}
