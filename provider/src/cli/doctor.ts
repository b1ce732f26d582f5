import { examine } from "../inspect/doctor/examine";
import type { Finding, Level } from "../inspect/doctor/findings";
import { counted, shown } from "../inspect/words";
import { EXIT } from "./exit-codes";
import { ownCommand } from "./own-command";
import type { Session } from "./session";
import { wrapped } from "./table";
import { coloured, print, printJson, width } from "./terminal";

const ORDER: readonly Level[] = ["problem", "warning", "note", "ok"];
const COLOUR = { problem: "red", warning: "yellow", note: "blue", ok: "green" } as const;
/** A text is hard to read if its lines are longer, also in a wider terminal. */
const WIDEST = 100;
const LEAST_TEXT = 20;
const INDENT = 9;

/** @internal Checks everything and says what to do. */
export async function doctor(session: Session): Promise<number> {
  const { inspector, settings, given } = session;
  const found = await examine({ inspector, ...settings });
  const findings = ORDER.flatMap((level) => found.filter((finding) => finding.level === level)).map((finding) => ({
    ...finding,
    advice:
      finding.advice?.replace(/"npx medusa-locking-redis (\w+) KEY"/g, (_, name: string) => {
        return `"${ownCommand(given, name, finding.keys[0] ?? "KEY")}"`;
      }) ?? null,
  }));
  const isReached = findings.some(({ id }) => id === "connected");
  if (given.has("json")) {
    printJson({ worst: findings[0]?.level ?? "ok", findings });
  } else {
    print([...findings.flatMap(linesOf), "", summary(findings)]);
  }
  const failing: readonly Level[] = given.text("fail-on") === "problem" ? ["problem"] : ["problem", "warning"];
  const hasTrouble = findings.some(({ level }) => failing.includes(level));
  return isReached ? (hasTrouble ? EXIT.trouble : EXIT.fine) : EXIT.redis;
}

function linesOf({ id, level, text, advice }: Finding): string[] {
  const room = Math.max(LEAST_TEXT, Math.min(width() ?? WIDEST, WIDEST) - INDENT);
  const indented = (lines: string[]) => lines.map((line) => `${" ".repeat(INDENT)}${line}`);
  return [
    `${coloured(level.padEnd(INDENT), COLOUR[level])}${coloured(id, "bold")}`,
    ...indented(wrapped(shown(text), room)),
    ...(advice === null ? [] : indented(wrapped(shown(`Do: ${advice}`), room))),
  ];
}

function summary(findings: Finding[]): string {
  const many = (level: Level) => findings.filter((finding) => finding.level === level).length;
  if (many("problem") + many("warning") + many("note") === 0) {
    return "All is well.";
  }
  return `${counted(many("problem"), "problem")}, ${counted(many("warning"), "warning")}, ${counted(many("note"), "note")}.`;
}
