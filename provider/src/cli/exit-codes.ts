/** @internal What the commands end with. */
export const EXIT = {
  /** All is well. */
  fine: 0,
  /** Something is wrong, or is not there. */
  trouble: 1,
  /** The command line, or a file or variable that it names, cannot be used. */
  usage: 2,
  /** Redis cannot be reached, or refuses. */
  redis: 3,
} as const;

/** @internal What `run` ends with, unless the command's own code. As with `timeout` and `env`. */
export const RUN_EXIT = {
  /** The lock was lost, and the command was ended. */
  lost: 123,
  /** The lock was not to be had in time; the command did not run. */
  timeout: 124,
  /** `run` itself failed; the command did not run. */
  failed: 125,
  /** The command cannot be executed. */
  cannotRun: 126,
  /** There is no such command. */
  notFound: 127,
  /** Ended by a signal: this and its number. */
  signal: 128,
} as const;

/** @internal Ends the command with one line on stderr. */
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
