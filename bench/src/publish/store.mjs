// The kept runs: one file per run, with the version of this package in its name.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../../harness/process.mjs";

const RESULTS = fileURLToPath(new URL("../../results", import.meta.url));

/**
 * Keeps a run. Older runs of its scenarios are removed.
 *
 * @param {object} results the output of `npm run -s bench -- --json`
 * @param {string} name the name of the run, lower-case letters and dashes
 * @param {string} version the version of this package
 * @returns {string} the file
 * @throws {UserError} for a smoke run
 */
export function storeRun(results, name, version) {
  if (!results.meta || !results.scenarios) throw new UserError("this is no run of npm run -s bench -- --json");
  if (results.meta.quick) throw new UserError("a run with --quick is not kept: its figures are rough");
  const file = path.join(RESULTS, `${version}-${name}.json`);
  fs.mkdirSync(RESULTS, { recursive: true });
  for (const other of fs.readdirSync(RESULTS).filter((one) => one.startsWith(`${version}-`))) {
    forget(path.join(RESULTS, other), Object.keys(results.scenarios));
  }
  write(file, results);
  return file;
}

/** Removes scenarios from a run, because a newer run of them is kept. */
function forget(file, scenarios) {
  const run = JSON.parse(fs.readFileSync(file, "utf8"));
  const left = Object.entries(run.scenarios).filter(([name]) => !scenarios.includes(name));
  if (left.length === 0) fs.rmSync(file);
  else if (left.length < Object.keys(run.scenarios).length) write(file, { ...run, scenarios: Object.fromEntries(left) });
}

function write(file, run) {
  fs.writeFileSync(file, `${JSON.stringify(shortened(run))}\n`);
}

/**
 * @returns {{ version: string, runs: { meta: object, scenarios: object }[] }} the runs of the last version that has runs
 * @throws {UserError} when there are no runs
 */
export function storedRuns() {
  const names = fs.existsSync(RESULTS) ? fs.readdirSync(RESULTS).filter((name) => name.endsWith(".json")) : [];
  const versions = [...new Set(names.map((name) => /^\d+\.\d+\.\d+/.exec(name)[0]))];
  const version = versions.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
  if (!version) throw new UserError("no run is kept; run npm run bench:publish -- --store FILE --name NAME");
  const runs = names
    .filter((name) => name.startsWith(`${version}-`))
    .sort()
    .map((name) => JSON.parse(fs.readFileSync(path.join(RESULTS, name), "utf8")));
  return { version, runs };
}

/** Rounds numbers to five digits, because more digits mean nothing. */
function shortened(value) {
  if (typeof value === "number") return Number(value.toPrecision(5));
  if (Array.isArray(value)) return value.map(shortened);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shortened(inner)]));
}
