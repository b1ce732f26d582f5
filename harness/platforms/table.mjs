// The table of the platform lab, and its place in docs/PLATFORMS.md.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { ROOT } from "../paths.mjs";

/** The document with the table. */
export const PLATFORMS_FILE = path.join(ROOT, "docs", "PLATFORMS.md");

const BEGIN = "<!-- The table is written by: npm run platforms -- --write -->";
const END = "<!-- End of the table -->";
const COLUMNS = {
  platform: "platform",
  node: "Node.js",
  built: "built",
  loaded: "loaded",
  conformance: "conformance tests passed",
  date: "date",
};

/** @param {import("./try-platform.mjs").Row[]} rows */
export function tableOf(rows) {
  const names = Object.keys(COLUMNS);
  const head = [Object.values(COLUMNS), names.map(() => "---")];
  const lines = [...head, ...rows.map((row) => names.map((name) => row[name]))];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/**
 * @param {import("./try-platform.mjs").Row[]} rows
 * @returns {string} the document with these rows in its table
 */
export function platformsDocument(rows) {
  const text = fs.readFileSync(PLATFORMS_FILE, "utf8");
  const before = text.slice(0, text.indexOf(BEGIN) + BEGIN.length);
  const after = text.slice(text.indexOf(END));
  return `${before}\n\n${machine()}\n\n${tableOf(rows)}\n\n${after}`;
}

function machine() {
  const cpus = os.cpus();
  const release = /^PRETTY_NAME="(.*)"$/m.exec(readIfThere("/etc/os-release"))?.[1] ?? os.type();
  const memoryGb = Math.round(os.totalmem() / 2 ** 30);
  return `Command: \`npm run platforms\`. Machine: ${release}, ${os.arch()}, ${cpus.length} cores (${cpus[0]?.model}), ${memoryGb} GB.`;
}

function readIfThere(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
}
