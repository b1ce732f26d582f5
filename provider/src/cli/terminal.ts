// Where the output goes.

import { shown } from "../inspect/words";

/** A terminal that does not say how wide it is counts as this wide. */
const DEFAULT_WIDTH = 80;
const DEFAULT_HEIGHT = 24;

/** @internal How wide the terminal is, in columns; undefined: the output goes to a file or a pipe, which takes lines of any length. */
export function width(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns || DEFAULT_WIDTH : undefined;
}

/** @internal How many lines the terminal has. */
export function height(): number {
  return process.stdout.rows || DEFAULT_HEIGHT;
}

/** @internal Writes lines. */
export function print(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

/** @internal Writes a value as JSON, for programs. `space`: for people who look at it, too, so what a terminal would obey is escaped. */
export function printJson(value: unknown, space = 2): void {
  print(JSON.stringify(value, null, space).split("\n").map(shown));
}

/** @internal One line for people on stderr. It has no commands for the terminal, and no password of a URL, whoever the message comes from. */
export function complain(message: string): void {
  const line = message.replaceAll(/\s*\n\s*/g, " ").replaceAll(/:\/\/\S*@/g, "://***@");
  process.stderr.write(`medusa-locking-redis: ${shown(line)}\n`);
}

const COLOURS = { red: 31, yellow: 33, green: 32, blue: 34, bold: 1, dim: 2 } as const;

/** @internal A text in a colour, where there is a terminal that wants colours (NO_COLOR). */
export function coloured(text: string, colour: keyof typeof COLOURS): string {
  return process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb" ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
}

/** Whether what was printed could not be written although its reader was there: a full disk, say. */
let isOutputLost = false;

/**
 * @internal Says what becomes of a command whose output cannot be written. `endsWithReader`: it only shows something, so it ends quietly when
 * whoever reads it has gone, as `head` does. Any other command goes on: what it does counts, not what it prints. Call it once, before anything
 * is written.
 */
export function watchOutput(endsWithReader: boolean): void {
  let isFirst = true;
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
    // Later ones only say that the stream is closed.
    isOutputLost ||= isFirst && code !== "EPIPE";
    isFirst = false;
    if (endsWithReader) {
      process.exit(exitCodeWithOutput(0));
    }
  });
  // Nobody is left to be told.
  process.stderr.on("error", () => {});
}

/** @internal The exit code of a command that ended with `code`. */
export function exitCodeWithOutput(code: number): number {
  return code === 0 && isOutputLost ? 1 : code;
}
