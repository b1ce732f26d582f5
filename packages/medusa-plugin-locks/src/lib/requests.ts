import { Refusal } from "./refusal";

/** The number of locks that are listed if the request does not say. */
const DEFAULT_LIMIT = 1_000;
const HIGHEST_LIMIT = 10_000;

/** The locks that a request asks for: one, or a list of at most `limit`. */
export type Wanted = { key: string } | { limit: number };

/** Reads the query of a list. Throws a {@link Refusal} if the query cannot be used. */
export function parseWanted(query: unknown): Wanted {
  const given = asObject(query, "the query");
  refuseOthers(given, ["key", "limit"], "the query");
  if (given.key !== undefined) {
    if (given.limit !== undefined) {
      throw badRequest('Give "key" or "limit", not both.');
    }
    return { key: parseText(given.key, "key") };
  }
  return { limit: parseLimit(given.limit) };
}

/** The lock to free, and the hold that has it: by its owner, and by its fencing token if there is one. */
export interface Release {
  key: string;
  owner: string;
  token: number | undefined;
}

/** Reads the body of a release. Throws a {@link Refusal} if the body cannot be used. */
export function parseRelease(body: unknown): Release {
  const given = asObject(body, "the body");
  refuseOthers(given, ["key", "owner", "token"], "the body");
  return { key: parseText(given.key, "key"), owner: parseText(given.owner, "owner"), token: parseToken(given.token) };
}

function parseToken(token: unknown): number | undefined {
  if (token === undefined || token === null) {
    return undefined;
  }
  if (typeof token !== "number" || !Number.isSafeInteger(token)) {
    throw badRequest('"token" must be a whole number.');
  }
  return token;
}

function parseLimit(limit: unknown): number {
  if (limit === undefined) {
    return DEFAULT_LIMIT;
  }
  const count = typeof limit === "string" && /^\d{1,6}$/.test(limit) ? Number(limit) : 0;
  if (count < 1 || count > HIGHEST_LIMIT) {
    throw badRequest(`"limit" must be a whole number from 1 to ${HIGHEST_LIMIT}.`);
  }
  return count;
}

function parseText(text: unknown, name: string): string {
  if (typeof text !== "string") {
    throw badRequest(`"${name}" must be a text.`);
  }
  return text;
}

function asObject(given: unknown, what: string): Record<string, unknown> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw badRequest(`${what} must be an object.`);
  }
  return given as Record<string, unknown>;
}

function refuseOthers(given: Record<string, unknown>, known: readonly string[], what: string): void {
  if (Object.keys(given).some((name) => !known.includes(name))) {
    throw badRequest(`${what} has a field that is not known; known are ${known.join(" and ")}.`);
  }
}

function badRequest(message: string): Refusal {
  return new Refusal(400, "INVALID_ARGUMENT", message.charAt(0).toUpperCase() + message.slice(1));
}
