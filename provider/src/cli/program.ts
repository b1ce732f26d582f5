import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { isatty } from "node:tty";
import { typed } from "../inspect/words";
import { CommandError, RUN_EXIT } from "./exit-codes";

/** Variables that contain tokens. Those in the environment of this process belong to other locks. */
const TOKEN = /^LOCK_TOKEN(?:_\d+)?$/;

/** A terminal itself sends these signals to all processes in the foreground. */
const BY_TERMINAL = new Set<NodeJS.Signals>(["SIGINT", "SIGQUIT"]);

/** The sender of one of these signals wants the program to end. */
const ASKS_FOR_THE_END = new Set<NodeJS.Signals>(["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"]);

/** The pause between two checks whether a process of the group is left, in milliseconds. */
const LOOK_MS = 20;
/** How long killed processes may take to disappear, in milliseconds. If no parent reaps them, as in some containers, they stay. */
const KILLED_MS = 500;

/**
 * The script of the guard. It reads the target, which is the program or (negative) its group, and waits for the end of its input. If the input ends
 * without another line, `run` was killed. Then the guard ends the program: at once by SIGTERM, and after $1 seconds by SIGKILL. No signal that is
 * meant for the program may end the guard.
 */
const GUARD = `read -r target || exit 0
read -r word && exit 0
kill -s TERM -- "$target" 2>/dev/null || exit 0
left=$1
while [ "$left" -gt 0 ]; do sleep 1; kill -s 0 -- "$target" 2>/dev/null || exit 0; left=$((left - 1)); done
kill -s KILL -- "$target" 2>/dev/null`;

/** @internal A running program. */
export interface Program {
  /**
   * Resolves with the program's exit code in the form of a shell: 128 plus the number of the signal that ended it, if one did. If the program was
   * asked to end, its whole group has ended by then. Rejects with CommandError if the program cannot be started.
   */
  ended: Promise<number>;
  /** Passes a signal on to the program, unless the terminal has sent it the same signal. */
  pass(signal: NodeJS.Signals): void;
  /** Ends the program and its group: by SIGTERM, and after the grace period by SIGKILL. */
  end(): void;
}

/**
 * @internal Starts a program with this process's streams. `more` is added to its environment, from which the tokens of other locks are removed. The
 * program does not outlive this process by much. Throws CommandError if it is known at once that the program cannot be started.
 */
export function startProgram(command: readonly string[], more: Record<string, string>, graceMs: number): Program {
  const [name = "", ...args] = command;
  const around = Object.entries(process.env).filter(([variable]) => !TOKEN.test(variable));
  const isAtTerminal = isatty(0);
  // In a separate group the program could not read from the terminal.
  const hasGroup = !isAtTerminal && process.platform !== "win32";
  // The guard starts first: `run` may be killed between the two starts.
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
      // A program that runs reports its end by "exit".
      if (child.pid === undefined) {
        reject(cannotStart(name, error));
      }
    });
    child.on("exit", (code, signal) => {
      isAsked ||= signal !== null;
      resolve(signal ? codeOf(signal) : (code ?? 0));
    });
  });
  // Processes that the program started may go on without it, beside the next holder of the lock. They are ended here.
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

/** The program with its group, or the program alone if it has no separate group. */
interface Whole {
  /** The target for kill(2); negative: a group. */
  target: number | undefined;
  /** Returns false if no process is left. */
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

/** @internal The exit code of a program that this signal ended. */
export function codeOf(signal: NodeJS.Signals): number {
  return RUN_EXIT.signal + (constants.signals[signal] ?? 0);
}

/** Starts the guard: a shell in its own session, which Ctrl-C does not reach. */
function startGuard(graceMs: number): ChildProcess | undefined {
  if (process.platform === "win32") {
    return undefined;
  }
  const seconds = Math.ceil(graceMs / 1_000);
  const guard = spawn("/bin/sh", ["-c", GUARD, "sh", String(seconds)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Without a shell there is no guard, and on Windows there is none, either.
  guard.on("error", () => {});
  guard.stdin?.on("error", () => {});
  guard.unref();
  return guard;
}

/** `spawn` throws some errors instead of emitting an event, for example if the arguments are too long (E2BIG). */
function started(name: string, args: string[], env: NodeJS.ProcessEnv, detached: boolean): ChildProcess {
  try {
    return spawn(name, args, { stdio: "inherit", env, detached });
  } catch (error) {
    throw cannotStart(name, error as NodeJS.ErrnoException);
  }
}

function passerTo(child: ChildProcess, isAtTerminal: boolean): (signal: NodeJS.Signals) => void {
  // A signal that arrives within two rounds of the event loop may have come before the program existed. Then no terminal has sent it to the
  // program.
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
