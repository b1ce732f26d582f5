// The table of the doctor's findings in docs/OPERATIONS.md, made from the table in the package.

import path from "node:path";
import { ROOT } from "./paths.mjs";
import { UserError } from "./process.mjs";

/** The file with the table. */
export const OPERATIONS_FILE = path.join(ROOT, "docs", "OPERATIONS.md");

const BEGIN = '<!-- Made by "node scripts/findings-table.mjs --write" from provider/src/inspect/doctor/findings.ts. -->';
const END = "<!-- The end of what is made. -->";

/**
 * @param {string} text of docs/OPERATIONS.md
 * @param {Record<string, { level: string, means: string, advice: string | null }>} findings the findings of the compiled package
 * @returns {string} the same text with the right table
 * @throws {UserError} when the text has no place for it
 */
export function withFindings(text, findings) {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from === -1 || to < from) throw new UserError("docs/OPERATIONS.md has no place for the table of findings");
  const rows = Object.entries(findings).map(([id, { level, means, advice }]) => `| \`${id}\` | ${level} | ${means} | ${advice ?? ""} |\n`);
  const table = `| id | level | meaning | what to do |\n|---|---|---|---|\n${rows.join("")}`;
  return `${text.slice(0, from)}${BEGIN}\n\n${table}\n${text.slice(to)}`;
}
