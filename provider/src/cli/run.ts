import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LockError } from "../client/errors";
import { typed } from "../inspect/words";
import { CommandError, RUN_EXIT, usageError } from "./exit-codes";
import type { Given } from "./flags";
import { codeOf, startProgram } from "./program";
import { type HeldLock, openLocks, type RunLocks } from "./run-locks";
import { isEnding, RunSignals } from "./run-signals";
import { complain } from "./terminal";

const WAIT_S = 5;
const EXPIRE_S = 60;
const GRACE_S = 5;
/** Longest time for the release. */
const RELEASE_LIMIT_MS = 5_000;

/** @internal Runs a program under a lock. */
export async function run(given: Given): Promise<number> {
  const { program } = given;
  const keys = [...new Set(given.texts("lock"))];
  if (keys.length === 0) {
    throw usageError("run needs --lock KEY");
  }
  if (keys.includes("")) {
    throw usageError("--lock is empty");
  }
  if (program[0] === undefined || program[0] === "") {
    throw usageError("run needs a program, after --");
  }
  const locks = await openLocks(given);
  const signals = new RunSignals();
  try {
    const lock = await take(locks, keys, given, signals);
    return typeof lock === "number" ? lock : await underLock(lock, keys, given, signals);
  } finally {
    await locks.close();
  }
}

/** Returns the lock, or the exit code if a signal came first. */
async function take(locks: RunLocks, keys: string[], given: Given, signals: RunSignals): Promise<HeldLock | number> {
  // The label is visible to others.
  const label = given.text("label") ?? basename(typed(given.program[0] ?? ""));
  const stopped = new AbortController();
  let code: number | undefined;
  signals.goTo((signal) => {
    if (isEnding(signal)) {
      code ??= codeOf(signal);
      stopped.abort();
    }
  });
  try {
    const lock = await locks.acquire(keys, {
      leaseMs: (given.number("expire") ?? EXPIRE_S) * 1_000,
      waitMs: (given.number("wait") ?? WAIT_S) * 1_000,
      label,
      signal: stopped.signal,
    });
    if (!lock) {
      throw new CommandError(`another holds the lock for ${named(keys)}; the program did not run`, RUN_EXIT.timeout);
    }
    if (code === undefined) {
      return lock;
    }
    // The lock came together with the signal.
    await lock.release();
    return code;
  } catch (error) {
    if (code !== undefined) {
      return code;
    }
    throw whyNotTaken(error, keys);
  }
}

function whyNotTaken(error: unknown, keys: string[]): unknown {
  if (!(error instanceof LockError)) {
    return error;
  }
  if (error.code === "LOCK_TIMEOUT" || error.code === "LOCK_NOT_ACQUIRED") {
    const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
    return new CommandError(`the lock for ${named(keys)} was not to be had in time${cause}; the program did not run`, RUN_EXIT.timeout);
  }
  const cause = error.cause instanceof Error && !error.message.includes(error.cause.message) ? ` (${error.cause.message})` : "";
  return new CommandError(`${error.code}: ${error.message}${cause}; the program did not run`, RUN_EXIT.failed);
}

async function underLock(lock: HeldLock, keys: string[], given: Given, signals: RunSignals): Promise<number> {
  let isLost = false;
  try {
    const program = startProgram(given.program, tokensOf(lock, keys), (given.number("grace") ?? GRACE_S) * 1_000);
    // A signal that came during the start is delivered only now.
    signals.goTo(program.pass);
    const end = () => {
      isLost = true;
      complain(`${whyLost(lock.signal.reason)} The program is ended.`);
      program.end();
    };
    lock.signal.addEventListener("abort", end);
    if (lock.signal.aborted) {
      end();
    }
    const code = await program.ended;
    lock.signal.removeEventListener("abort", end);
    return isLost ? RUN_EXIT.lost : code;
  } finally {
    signals.goTo(undefined);
    await giveBack(lock, keys, isLost);
  }
}

function whyLost(reason: unknown): string {
  const cause = reason instanceof Error && reason.cause instanceof Error ? reason.cause : reason;
  return cause instanceof Error ? cause.message : "The lock was lost.";
}

/** The program has ended. Its exit code counts, also if the release fails. */
async function giveBack(lock: HeldLock, keys: string[], isLost: boolean): Promise<void> {
  const timer = new AbortController();
  const late = sleep(RELEASE_LIMIT_MS, "Redis did not answer", { signal: timer.signal }).catch(() => undefined);
  const released = lock.release().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  const trouble = await Promise.race([released, late]);
  timer.abort();
  if (trouble !== undefined && !isLost) {
    complain(`the lock for ${named(keys)} was not released, and ends with its lease: ${trouble}`);
  }
}

/** The tokens, for the program's environment. If the server gives no tokens, there are no such variables. */
function tokensOf({ fencingTokens }: HeldLock, keys: string[]): Record<string, string> {
  const tokens = keys.flatMap((key, at) => {
    const token = fencingTokens[key];
    return token === undefined ? [] : [[`LOCK_TOKEN_${at + 1}`, String(token)] as const];
  });
  const [first] = tokens;
  return Object.fromEntries(first && keys.length === 1 ? [...tokens, ["LOCK_TOKEN", first[1]]] : tokens);
}

function named(keys: string[]): string {
  return keys.map((key) => `"${typed(key)}"`).join(", ");
}
