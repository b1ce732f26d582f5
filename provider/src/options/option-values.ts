import { kindOf } from "../client/arguments";
import { optionError } from "../client/errors";

/** A message repeats at most so many characters of a text. */
const MOST_SHOWN = 20;

/** Options by name, and how a message names one of them. */
export interface OptionSource {
  readonly values: Readonly<Record<string, unknown>>;
  label(name: string): string;
}

/** A string option; `undefined` and null mean none. */
export function optionalString(option: string, value: unknown): string | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (typeof value !== "string") {
    throw optionError(option, `must be a string, got ${kindOf(value)}`);
  }
  return value;
}

/** A yes-or-no option, also as the text "true" or "false"; `undefined` and null mean none. */
export function optionalBoolean(option: string, value: unknown): boolean | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (value === true || value === "true") {
    return true;
  }
  if (value === false || value === "false") {
    return false;
  }
  throw optionError(option, `must be true or false, got ${kindOf(value)}${typeof value === "string" ? " that is neither" : ""}`);
}

/** A number option, also as a numeric string; `undefined` and null mean none. */
export function optionalNumber(option: string, value: unknown, unit: string, least: number): number | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || Number.isNaN(number)) {
    throw optionError(option, `must be a number (of ${unit}), got ${numberlike(value)}`);
  }
  if (number < least) {
    throw optionError(option, `must be at least ${least}`);
  }
  return number;
}

/**
 * A value for a message. A text is repeated, cut, only if it consists of characters of numbers and units. For any other value the message names
 * only the kind, because the value may be a URL with a password.
 */
function numberlike(value: unknown): string {
  if (typeof value === "string" && /^[\w.,+ -]*$/.test(value)) {
    return `"${value.slice(0, MOST_SHOWN)}${value.length > MOST_SHOWN ? "…" : ""}"`;
  }
  return `${kindOf(value)}${typeof value === "object" ? "" : " that is no number"}`;
}

/** A time limit in milliseconds; 0, null and false mean no limit, as in ioredis. */
export function optionalLimitMs(option: string, value: unknown): number | undefined {
  return value === null || value === false ? 0 : optionalNumber(option, value, "milliseconds", 0);
}

/** A whole-number option, also as a numeric string, between two limits; `undefined` and null mean none. */
export function optionalInteger(option: string, value: unknown, least: number, most: number): number | undefined {
  if (value === undefined || value === null) {
    return undefined;
  }
  const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number) || number < least || number > most) {
    throw optionError(option, `must be a whole number from ${least} to ${most}`);
  }
  return number;
}

/** The same object without members that are `undefined`, because the addon's types require that such members are absent. */
export function withoutUndefined<T extends object>(
  values: {
    [K in keyof T]: object extends Pick<T, K> ? T[K] | undefined : T[K];
  },
): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
