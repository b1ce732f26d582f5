/** Signals that `run` receives. SIGUSR1 is Node.js' own. */
const RECEIVED: readonly NodeJS.Signals[] =
  process.platform === "win32"
    ? ["SIGINT", "SIGBREAK", "SIGTERM"]
    : ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR2", "SIGWINCH", "SIGCONT"];
/** These end no process that does not handle them. */
const HARMLESS = new Set<NodeJS.Signals>(["SIGWINCH", "SIGCONT"]);

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
