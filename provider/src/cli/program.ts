import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { isatty } from "node:tty";
import { typed } from "../inspect/words";
import { CommandError, RUN_EXIT } from "./exit-codes";

/** Variables that name tokens. Those around this process are of other locks. */
const TOKEN = /^LOCK_TOKEN(?:_\d+)?$/;

/** A terminal sends these to everybody in the foreground itself. */
const BY_TERMINAL = new Set<NodeJS.Signals>(["SIGINT", "SIGQUIT"]);

/**
 * Waits for the end of its input. If that comes without a word, `run` was killed, and the program ($1) is ended: at once by SIGTERM, and
 * after $2 seconds by SIGKILL. Nothing here may end by a signal that is meant for the program.
 */
const GUARD = `read -r word && exit 0
kill -TERM "$1" 2>/dev/null || exit 0
left=$2
while [ "$left" -gt 0 ]; do sleep 1; kill -0 "$1" 2>/dev/null || exit 0; left=$((left - 1)); done
kill -KILL "$1" 2>/dev/null`;

/** @internal A program that runs. */
export interface Program {
  /** Its exit code as a shell has it: 128 and the signal's number where one ended it. Rejects with CommandError if it cannot be started. */
  ended: Promise<number>;
  /** Passes a signal on to it, unless the terminal has sent it the same. */
  pass(signal: NodeJS.Signals): void;
  /** Ends it: SIGTERM, and SIGKILL after the grace. */
  end(): void;
}

/**
 * @internal Starts a program with this process's streams, and `more` in its environment, which has no token of a lock besides. It does not
 * outlive this process by much. Throws CommandError if it is known at once that it cannot be started.
 */
export function startProgram(command: readonly string[], more: Record<string, string>, graceMs: number): Program {
  const [name = "", ...args] = command;
  const around = Object.entries(process.env).filter(([variable]) => !TOKEN.test(variable));
  const child = started(name, args, { ...Object.fromEntries(around), ...more });
  const guard = guarded(child, graceMs);
  const pass = passerTo(child);
  let killer: NodeJS.Timeout | undefined;
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      // One that runs tells its end itself.
      if (child.pid === undefined) {
        reject(cannotStart(name, error));
      }
    });
    child.on("exit", (code, signal) => resolve(signal ? codeOf(signal) : (code ?? 0)));
  }).finally(() => {
    clearTimeout(killer);
    guard?.stdin?.end("done\n");
  });
  return {
    ended,
    pass,
    end() {
      child.kill("SIGTERM");
      killer ??= setTimeout(() => child.kill("SIGKILL"), graceMs);
    },
  };
}

/** @internal The exit code for an end by this signal. */
export function codeOf(signal: NodeJS.Signals): number {
  return RUN_EXIT.signal + (constants.signals[signal] ?? 0);
}

/** A shell of its own session, which Ctrl-C does not reach. */
function guarded(child: ChildProcess, graceMs: number): ChildProcess | undefined {
  if (process.platform === "win32" || child.pid === undefined) {
    return undefined;
  }
  const seconds = Math.ceil(graceMs / 1_000);
  const guard = spawn("/bin/sh", ["-c", GUARD, "sh", String(child.pid), String(seconds)], {
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
function started(name: string, args: string[], env: NodeJS.ProcessEnv): ChildProcess {
  try {
    return spawn(name, args, { stdio: "inherit", env });
  } catch (error) {
    throw cannotStart(name, error as NodeJS.ErrnoException);
  }
}

function passerTo(child: ChildProcess): (signal: NodeJS.Signals) => void {
  const isAtTerminal = isatty(0);
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
