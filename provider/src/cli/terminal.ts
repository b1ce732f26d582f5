// Writes the output.

import { shown } from "../inspect/words";

/** The assumed width of a terminal that does not tell its width. */
const DEFAULT_WIDTH = 80;
const DEFAULT_HEIGHT = 24;

/** @internal The width of the terminal, in columns; undefined: the output goes to a file or a pipe, which takes lines of any length. */
export function width(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns || DEFAULT_WIDTH : undefined;
}

/** @internal The height of the terminal, in lines. */
export function height(): number {
  return process.stdout.rows || DEFAULT_HEIGHT;
}

/** @internal Writes lines. */
export function print(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

/**
 * @internal Writes a value as JSON, for programs. With `space` people can read it, too. Therefore characters that control a terminal are escaped.
 */
export function printJson(value: unknown, space = 2): void {
  print(JSON.stringify(value, null, space).split("\n").map(shown));
}

/**
 * @internal Writes one line for people to stderr. The line contains no control characters for the terminal and no password of a URL, wherever the
 * message comes from.
 */
export function complain(message: string): void {
  const line = message.replaceAll(/\s*\n\s*/g, " ").replaceAll(/:\/\/\S*@/g, "://***@");
  process.stderr.write(`medusa-locking-redis: ${shown(line)}\n`);
}

const COLOURS = { red: 31, yellow: 33, green: 32, blue: 34, bold: 1, dim: 2 } as const;

/** @internal A text in a colour, if the output is a terminal that wants colours (NO_COLOR). */
export function coloured(text: string, colour: keyof typeof COLOURS): string {
  return process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb" ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
}

/** Whether output could not be written although its reader was there, for example because a disk is full. */
let isOutputLost = false;

/**
 * @internal Decides what happens if output cannot be written. With `endsWithReader` the command only shows something, so it ends quietly when its
 * reader has gone, as after `head`. Any other command goes on, because its effect matters more than its output. Call this once, before anything is
 * written.
 */
export function watchOutput(endsWithReader: boolean): void {
  let isFirst = true;
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
    // Later errors only say that the stream is closed.
    isOutputLost ||= isFirst && code !== "EPIPE";
    isFirst = false;
    if (endsWithReader) {
      process.exit(exitCodeWithOutput(0));
    }
  });
  // There is no way left to report the error.
  process.stderr.on("error", () => {});
}

/** @internal The exit code of a command that ended with `code`. */
export function exitCodeWithOutput(code: number): number {
  return code === 0 && isOutputLost ? 1 : code;
}
