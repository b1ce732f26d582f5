import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { isatty } from "node:tty";
import { typed } from "../inspect/words";
import { CommandError, RUN_EXIT } from "./exit-codes";

/** Variables that name tokens. Those around this process are of other locks. */
const TOKEN = /^LOCK_TOKEN(?:_\d+)?$/;

/** A terminal sends these to everybody in the foreground itself. */
const BY_TERMINAL = new Set<NodeJS.Signals>(["SIGINT", "SIGQUIT"]);

/** Who sends one of these wants the program to end. */
const ASKS_FOR_THE_END = new Set<NodeJS.Signals>(["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"]);

/** The pause between two looks at who is left of a group, in milliseconds. */
const LOOK_MS = 20;
/** How long those who are killed may take to be gone, in milliseconds. Where nobody buries the dead, as in some containers, they stay. */
const KILLED_MS = 500;

/**
 * Reads whom it guards, the program or (negative) its group, and waits for the end of its input. If that comes without a word, `run` was killed,
 * and the program is ended: at once by SIGTERM, and after $1 seconds by SIGKILL. Nothing here may end by a signal that is meant for the program.
 */
const GUARD = `read -r target || exit 0
read -r word && exit 0
kill -s TERM -- "$target" 2>/dev/null || exit 0
left=$1
while [ "$left" -gt 0 ]; do sleep 1; kill -s 0 -- "$target" 2>/dev/null || exit 0; left=$((left - 1)); done
kill -s KILL -- "$target" 2>/dev/null`;

/** @internal A program that runs. */
export interface Program {
  /**
   * Its exit code as a shell has it: 128 and the signal's number where one ended it. Where it did not end by itself, nobody is left of its group
   * by then. Rejects with CommandError if it cannot be started.
   */
  ended: Promise<number>;
  /** Passes a signal on to it, unless the terminal has sent it the same. */
  pass(signal: NodeJS.Signals): void;
  /** Ends it and its group: SIGTERM, and SIGKILL after the grace. */
  end(): void;
}

/**
 * @internal Starts a program with this process's streams, and `more` in its environment, which has no token of a lock besides. It does not
 * outlive this process by much. Throws CommandError if it is known at once that it cannot be started.
 */
export function startProgram(command: readonly string[], more: Record<string, string>, graceMs: number): Program {
  const [name = "", ...args] = command;
  const around = Object.entries(process.env).filter(([variable]) => !TOKEN.test(variable));
  const isAtTerminal = isatty(0);
  // In a group of its own it could not read from the terminal.
  const hasGroup = !isAtTerminal && process.platform !== "win32";
  // It is there first: between the two run may be killed.
  const guard = startGuard(graceMs);
  let child: ChildProcess;
  try {
    child = started(name, args, { ...Object.fromEntries(around), ...more }, hasGroup);
  } catch (error) {
    guard?.stdin?.end();
    throw error;
  }
  const whole = wholeOf(child, hasGroup);
  if (whole.target !== undefined) {
    guard?.stdin?.write(`${whole.target}\n`);
  }
  const pass = passerTo(child, isAtTerminal);
  let killer: NodeJS.Timeout | undefined;
  let isAsked = false;
  const end = () => {
    if (killer === undefined) {
      whole.send("SIGTERM");
      killer = setTimeout(() => whole.send("SIGKILL"), graceMs);
    }
  };
  const exited = new Promise<number>((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      // One that runs tells its end itself.
      if (child.pid === undefined) {
        reject(cannotStart(name, error));
      }
    });
    child.on("exit", (code, signal) => {
      isAsked ||= signal !== null;
      resolve(signal ? codeOf(signal) : (code ?? 0));
    });
  });
  // What it started may go on without it: beside the next holder of the lock.
  const isAlone = async () => {
    if (hasGroup && (isAsked || killer !== undefined) && whole.send(0)) {
      end();
      const killed = performance.now() + graceMs + KILLED_MS;
      while (performance.now() < killed && whole.send(0)) {
        await sleep(LOOK_MS);
      }
    }
  };
  const ended = exited
    .then(async (code) => {
      await isAlone();
      return code;
    })
    .finally(() => {
      clearTimeout(killer);
      guard?.stdin?.end(whole.target === undefined ? "" : "done\n");
    });
  return {
    ended,
    pass(signal) {
      isAsked ||= ASKS_FOR_THE_END.has(signal);
      pass(signal);
    },
    end,
  };
}

/** The program with its group, or alone where it has none of its own. */
interface Whole {
  /** For kill(2); negative: a group. */
  target: number | undefined;
  /** False if nobody is there. */
  send(signal: NodeJS.Signals | 0): boolean;
}

function wholeOf(child: ChildProcess, hasGroup: boolean): Whole {
  const target = child.pid === undefined || !hasGroup ? child.pid : -child.pid;
  return {
    target,
    send(signal) {
      if (!hasGroup || target === undefined) {
        return child.kill(signal);
      }
      try {
        return process.kill(target, signal);
      } catch {
        return false;
      }
    },
  };
}

/** @internal The exit code for an end by this signal. */
export function codeOf(signal: NodeJS.Signals): number {
  return RUN_EXIT.signal + (constants.signals[signal] ?? 0);
}

/** A shell of its own session, which Ctrl-C does not reach. */
function startGuard(graceMs: number): ChildProcess | undefined {
  if (process.platform === "win32") {
    return undefined;
  }
  const seconds = Math.ceil(graceMs / 1_000);
  const guard = spawn("/bin/sh", ["-c", GUARD, "sh", String(seconds)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Without a shell there is no guard, as on Windows.
  guard.on("error", () => {});
  guard.stdin?.on("error", () => {});
  guard.unref();
  return guard;
}

/** Some failures are thrown and not told by an event: arguments that are too long (E2BIG), say. */
function started(name: string, args: string[], env: NodeJS.ProcessEnv, detached: boolean): ChildProcess {
  try {
    return spawn(name, args, { stdio: "inherit", env, detached });
  } catch (error) {
    throw cannotStart(name, error as NodeJS.ErrnoException);
  }
}

function passerTo(child: ChildProcess, isAtTerminal: boolean): (signal: NodeJS.Signals) => void {
  // A signal that is told before two rounds of the event loop may have come before the program was there; then no terminal sent it to it.
  let isFresh = true;
  setImmediate(() => {
    setImmediate(() => {
      isFresh = false;
    });
  });
  return (signal) => {
    if (isFresh || !(isAtTerminal && BY_TERMINAL.has(signal))) {
      child.kill(signal);
    }
  };
}

function cannotStart(name: string, error: NodeJS.ErrnoException): CommandError {
  const isMissing = error.code === "ENOENT";
  return isMissing
    ? new CommandError(`there is no program "${typed(name)}"`, RUN_EXIT.notFound)
    : new CommandError(`the program "${typed(name)}" cannot be executed (${error.code ?? error.message})`, RUN_EXIT.cannotRun);
}
