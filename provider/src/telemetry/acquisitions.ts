import type { Attributes } from "@opentelemetry/api";
import type { LockError, LockErrorCode } from "../client/errors";
import type { ObservedCall } from "../client/observer";

/** Outcomes that have their own name. All others are `error`, and `error.type` has the code. */
const OUTCOMES: Partial<Record<LockErrorCode, string>> = { LOCK_TIMEOUT: "timeout", LOCK_NOT_ACQUIRED: "refused" };

/**
 * @internal Counts the calls for keys of one kind by their outcome. Our own numbers cost less than a counter of the meter. One object serves all
 * calls that are only counted, so that such a call needs no object.
 */
export class Acquisitions implements ObservedCall {
  /** The attributes of this kind's durations. */
  readonly attributes: Attributes;
  #held = 0;
  /** By code; `undefined` stands for a withdrawn call. */
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

  /** The number of calls, by the attributes of their outcomes. */
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

/** @internal The code of an error of this package. A withdrawn call fails with its signal's reason, which may be anything. */
export function codeOf(error: unknown): string | undefined {
  const { __isMedusaError: ours, code } = (typeof error === "object" && error !== null ? error : {}) as Partial<LockError>;
  return ours && typeof code === "string" ? code : undefined;
}
