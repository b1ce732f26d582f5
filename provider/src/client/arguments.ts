import { argumentError } from "./errors";

/** Longest label, in characters; longer ones are cut. */
const LONGEST_LABEL = 200;

/** The owner name that stands for no particular owner. */
const NOBODY = "*";
/** Prefixes of owners that only the package itself makes. */
const RESERVED_OWNERS = ["grant:", "execute:"];

/** This text follows a message about a missing key. */
const NO_KEY = 'In a workflow, the parameter "key" of acquireLockStep and releaseLockStep must have a value when the step runs.';

/**
 * The caller's keys, one or a list. A list is copied, because the caller's list may change while the call waits. Numbers become text. Throws
 * INVALID_ARGUMENT for anything else; `noKey` then says why a key may be missing.
 */
export function parseKeys(keys: unknown, noKey = NO_KEY): string | string[] {
  if (Array.isArray(keys)) {
    const all = copyOf(keys);
    return all.map((key) => textOfKey(key) ?? refuseKey(key, `every key must be a string`, ` in a list of ${all.length}`, noKey));
  }
  return textOfKey(keys) ?? refuseKey(keys, "keys must be a string or a list of strings", "", noKey);
}

/** As {@link parseKeys}, for a release. Nobody holds null and undefined, so both are left out, and `complete` is false. */
export function parseKeysToRelease(keys: unknown): { keys: string | string[]; complete: boolean } {
  if (!Array.isArray(keys)) {
    return isMissing(keys) ? { keys: [], complete: false } : { keys: parseKeys(keys), complete: true };
  }
  const all = copyOf(keys);
  const named = all.filter((key) => !isMissing(key));
  return { keys: parseKeys(named), complete: named.length === all.length };
}

/** Reads each element once. */
function copyOf(list: readonly unknown[]): unknown[] {
  return Array.from({ length: list.length }, (_, at) => list[at]);
}

function textOfKey(key: unknown): string | undefined {
  if (typeof key === "number" && Number.isFinite(key)) {
    return String(key);
  }
  return typeof key === "string" ? key : undefined;
}

function isMissing(key: unknown): key is null | undefined {
  return key === null || key === undefined;
}

function refuseKey(key: unknown, rule: string, where: string, noKey: string): never {
  throw argumentError(`${rule}, got ${kindOf(key)}${where}.${isMissing(key) && noKey ? ` ${noKey}` : ""}`);
}

/** The owner to lock or release for; `*` if none is given. `name` is the argument's name. Throws INVALID_ARGUMENT for reserved names. */
export function parseOwner(ownerId: unknown, name = "ownerId"): string {
  if (ownerId === undefined || ownerId === null) {
    return NOBODY;
  }
  if (typeof ownerId === "number" && Number.isFinite(ownerId)) {
    return String(ownerId);
  }
  if (typeof ownerId !== "string") {
    throw argumentError(`"${name}" must be a string, got ${kindOf(ownerId)}.`);
  }
  const reserved = RESERVED_OWNERS.find((prefix) => ownerId.startsWith(prefix));
  if (reserved) {
    throw argumentError(`"${name}" may not start with "${reserved}", which is kept for locks of execute().`);
  }
  return ownerId;
}

/** A caller's function, if there is one. */
export function parseCallback<F extends (...args: never[]) => unknown>(name: string, callback: F | undefined | null): F | undefined {
  if (callback !== undefined && callback !== null && typeof callback !== "function") {
    throw argumentError(`"${name}" must be a function, got ${kindOf(callback)}.`);
  }
  return callback ?? undefined;
}

/** The caller's signal, if there is one. */
export function parseSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal === null) {
    return undefined;
  }
  if (!(signal instanceof AbortSignal)) {
    throw argumentError(`"signal" must be an AbortSignal, got ${kindOf(signal)}.`);
  }
  return signal;
}

/** The caller's label, if there is one, cut to 200 characters. */
export function parseLabel(label: unknown): string | undefined {
  if (label === undefined || label === null) {
    return undefined;
  }
  if (typeof label !== "string") {
    throw argumentError(`"label" must be a string, got ${kindOf(label)}.`);
  }
  return label.slice(0, LONGEST_LABEL).toWellFormed();
}

/** The kind of a value, for messages. Never its content, which may be a secret. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) {
    return String(value);
  }
  return Array.isArray(value) ? "an array" : `${/^[aeiou]/.test(typeof value) ? "an" : "a"} ${typeof value}`;
}
