#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InspectionError } from "../inspect/inspector";
import { doctor } from "./doctor";
import { CommandError, EXIT, RUN_EXIT, usageError } from "./exit-codes";
import { type CommandSpec, type Given, readFlags } from "./flags";
import { commandHelp, generalHelp } from "./help";
import { list, top } from "./list";
import { release } from "./release";
import { run } from "./run";
import { openSession, type Session } from "./session";
import { show } from "./show";
import { COMMANDS, COMMON } from "./specs";
import { complain, exitCodeWithOutput, watchOutput } from "./terminal";
import { watch } from "./watch";

/** The commands that look at Redis. `run` takes a lock and needs no session. */
const LOOKS: Record<string, (session: Session) => Promise<number>> = { doctor, list, show, watch, top, release };

/** These commands only show something: without a reader they have nothing to do. */
const SHOW_ONLY: readonly string[] = ["list", "show", "watch", "top"];

async function main(args: string[]): Promise<number> {
  const [name = "", ...rest] = args;
  if (name === "--help" || name === "-h" || name === "help") {
    const spec = COMMANDS.find((command) => command.name === rest[0]);
    process.stdout.write(spec ? commandHelp(spec) : generalHelp());
    return EXIT.fine;
  }
  if (name === "--version" || name === "-v") {
    return printVersion();
  }
  const spec = COMMANDS.find((command) => command.name === name);
  if (!spec) {
    const names = COMMANDS.map((command) => command.name).join(", ");
    // The error repeats only plain words: anything else may be a URL with a password.
    const unknown = /^\w[\w-]*$/.test(name) ? `there is no command "${name}"` : "that is no command";
    const what = name === "" ? "no command is given" : name.startsWith("-") ? "the command comes before its flags" : unknown;
    throw usageError(`${what}; there are ${names}; --help explains them`);
  }
  try {
    const given = readFlags(spec, COMMON, rest);
    return given.has("version") ? printVersion() : await runCommand(spec, given);
  } catch (error) {
    throw spec.takesProgram ? failedToRun(error) : error;
  }
}

async function runCommand(spec: CommandSpec, given: Given): Promise<number> {
  if (given.has("help")) {
    process.stdout.write(commandHelp(spec));
    return EXIT.fine;
  }
  const look = LOOKS[spec.name];
  if (!look) {
    return await run(given);
  }
  const session = await openSession(given);
  try {
    return await look(session);
  } finally {
    session.inspector.close();
  }
}

function printVersion(): number {
  const manifest = JSON.parse(readFileSync(join(__dirname, "..", "..", "..", "package.json"), "utf8")) as { version: string };
  process.stdout.write(`${manifest.version}\n`);
  return EXIT.fine;
}

/** All failures before the program starts have one exit code, because the other codes are the program's. */
function failedToRun(error: unknown): CommandError {
  return error instanceof CommandError && error.exitCode > EXIT.redis ? error : new CommandError(textOf(error), RUN_EXIT.failed);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommandError) {
    return error.exitCode;
  }
  return error instanceof InspectionError ? EXIT.redis : EXIT.trouble;
}

/** Ends the process once everything is written. Otherwise a question to a server that hangs would keep the process alive for some seconds. */
function end(code: number): void {
  process.exitCode = exitCodeWithOutput(code);
  process.stdout.write("", () => process.stderr.write("", () => process.exit(exitCodeWithOutput(code))));
}

const args = process.argv.slice(2);
watchOutput(SHOW_ONLY.includes(args[0] ?? ""));
main(args).then(end, (error: unknown) => {
  complain(textOf(error));
  end(exitCodeOf(error));
});
