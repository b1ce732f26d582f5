import { constants } from "node:os";

/** Signals by which people and systems end processes or tell them something. */
const ORDINARY: readonly NodeJS.Signals[] =
  process.platform === "win32" ? ["SIGINT", "SIGBREAK", "SIGTERM"] : ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGWINCH", "SIGCONT"];
/**
 * All other signals that end a process without a handler, except those for faults of the process itself. Without a handler, SIGUSR1 opens Node.js'
 * debugger.
 */
const RARE: readonly NodeJS.Signals[] = [
  ...(["SIGUSR1", "SIGUSR2", "SIGABRT", "SIGALRM", "SIGVTALRM", "SIGPROF"] as const),
  ...(["SIGXCPU", "SIGXFSZ", "SIGIO", "SIGPWR", "SIGSTKFLT"] as const),
];
/** The signals that `run` handles, as far as this system has them. */
const RECEIVED = [...ORDINARY, ...(process.platform === "win32" ? [] : RARE)].filter((signal) => signal in constants.signals);
/** These signals do not end a process without a handler. SIGIO is one of them, except on Linux. */
const HARMLESS = new Set<NodeJS.Signals>(["SIGWINCH", "SIGCONT", ...(process.platform === "linux" ? [] : (["SIGIO"] as const))]);

/** @internal The handler of a signal. */
export type Receiver = (signal: NodeJS.Signals) => void;

/**
 * @internal Handles the signals of this process from now until its end. At no moment may a signal end the process and leave its lock or its program
 * behind. The handlers do not keep the process alive.
 */
export class RunSignals {
  #receiver: Receiver | undefined;

  constructor() {
    for (const signal of RECEIVED) {
      process.on(signal, () => this.#receiver?.(signal));
    }
  }

  /** From now on this receiver gets the signals; undefined: signals have no effect. */
  goTo(receiver: Receiver | undefined): void {
    this.#receiver = receiver;
  }
}

/** @internal Whether this signal ends a process that has no handler for it. */
export function isEnding(signal: NodeJS.Signals): boolean {
  return !HARMLESS.has(signal);
}
