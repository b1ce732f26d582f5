import { constants } from "node:os";

/** What people and systems end processes with, and what they tell them. */
const ORDINARY: readonly NodeJS.Signals[] =
  process.platform === "win32" ? ["SIGINT", "SIGBREAK", "SIGTERM"] : ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGWINCH", "SIGCONT"];
/**
 * All others that end a process that does not receive them, but for faults of the process itself. Without a receiver SIGUSR1 opens Node.js'
 * debugger.
 */
const RARE: readonly NodeJS.Signals[] = [
  ...(["SIGUSR1", "SIGUSR2", "SIGABRT", "SIGALRM", "SIGVTALRM", "SIGPROF"] as const),
  ...(["SIGXCPU", "SIGXFSZ", "SIGIO", "SIGPWR", "SIGSTKFLT"] as const),
];
/** Signals that `run` receives, as far as this system has them. */
const RECEIVED = [...ORDINARY, ...(process.platform === "win32" ? [] : RARE)].filter((signal) => signal in constants.signals);
/** These end no process that does not handle them; SIGIO does on Linux. */
const HARMLESS = new Set<NodeJS.Signals>(["SIGWINCH", "SIGCONT", ...(process.platform === "linux" ? [] : (["SIGIO"] as const))]);

/** @internal What is done with a signal. */
export type Receiver = (signal: NodeJS.Signals) => void;

/**
 * @internal The signals of this process, from now until its end: at no moment may one end it and leave its lock or its program behind. They
 * do not keep the process alive.
 */
export class RunSignals {
  #receiver: Receiver | undefined;

  constructor() {
    for (const signal of RECEIVED) {
      process.on(signal, () => this.#receiver?.(signal));
    }
  }

  /** From now on signals go to this receiver; undefined: nothing comes of them. */
  goTo(receiver: Receiver | undefined): void {
    this.#receiver = receiver;
  }
}

/** @internal Whether a process that does not handle this signal is ended by it. */
export function isEnding(signal: NodeJS.Signals): boolean {
  return !HARMLESS.has(signal);
}
