import type { LockOperations } from "medusa-locking-redis";
import { Refusal } from "./refusal";

/** The part of a Medusa container that is used here. */
interface Container {
  resolve(name: string): unknown;
}

type Find = (container: Container) => LockOperations;

/**
 * The operations of the store's lock provider. Throws a {@link Refusal} if the provider belongs to another package, or to a version without
 * operations.
 */
export function operationsOf(container: Container): LockOperations {
  try {
    return finder()(container);
  } catch (error) {
    if (error instanceof Refusal) {
      throw error;
    }
    // The text of this error has the provider's id, and no secret.
    const isAnothers = codeOf(error) === "INVALID_ARGUMENT" && error instanceof Error;
    throw isAnothers ? unavailable(`It cannot be asked about its locks: ${error.message}`) : error;
  }
}

/** Loads the package only when a request needs it, so that a store without the package, or with an older version, boots all the same. */
function finder(): Find {
  let found: { lockOperations?: unknown };
  try {
    found = require("medusa-locking-redis");
  } catch (error) {
    if (codeOf(error) === "MODULE_NOT_FOUND") {
      throw unavailable("The package medusa-locking-redis is not installed.");
    }
    throw error;
  }
  if (typeof found.lockOperations !== "function") {
    throw unavailable("The version of medusa-locking-redis that is installed cannot tell of its locks. Install the one of this plugin.");
  }
  return found.lockOperations as Find;
}

function unavailable(why: string): Refusal {
  return new Refusal(501, "LOCKS_NOT_VISIBLE", `This store's lock provider does not show its locks. ${why}`);
}

/** The stable code of an error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : undefined;
}
