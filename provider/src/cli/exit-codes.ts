/** @internal The exit codes of the commands. */
export const EXIT = {
  /** All is well. */
  fine: 0,
  /** Something is wrong or does not exist. */
  trouble: 1,
  /** The command line, or a file or variable that it names, cannot be used. */
  usage: 2,
  /** Redis cannot be reached, or refuses. */
  redis: 3,
} as const;

/** @internal The exit codes of `run`, unless it exits with the program's own code. Where possible they are the codes of `timeout` and `env`. */
export const RUN_EXIT = {
  /** The lock was lost, so the program was ended. */
  lost: 123,
  /** The lock was not taken in time; the program did not run. */
  timeout: 124,
  /** `run` itself failed; the program did not run. */
  failed: 125,
  /** The program cannot be executed. */
  cannotRun: 126,
  /** There is no such program. */
  notFound: 127,
  /** A signal ended the program: this code plus the signal's number. */
  signal: 128,
} as const;

/** @internal Ends the command, with one line on stderr. */
export class CommandError extends Error {
  override name = "CommandError";

  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

/** @internal The error of a command line that cannot be used. */
export function usageError(message: string): CommandError {
  return new CommandError(message, EXIT.usage);
}
