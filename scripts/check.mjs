// Checks everything that can be checked without running the package: format, lints, types, house rules. `npm run check` is the whole loop.

import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { breaches } from "../harness/house-rules/index.mjs";
import { ROOT } from "../harness/paths.mjs";
import { findOnPath, run, runMain, UserError } from "../harness/process.mjs";
import { ensureBuilt, ensureNodeModules } from "../harness/setup.mjs";
import { knownNames } from "./known-names.mjs";

const USAGE = `usage: npm run check -- [--write]
  --write   put right what can be put right by itself`;
// Node.js starts these programs, because in node_modules/.bin they are batch files on Windows.
const TSC = path.join(ROOT, "node_modules", "typescript", "bin", "tsc");
const BIOME = path.join(ROOT, "node_modules", "@biomejs", "biome", "bin", "biome");

await runMain(async () => {
  const { write } = readCommandLine({ usage: USAGE, flags: { write: { kind: "switch" } } });
  await ensureNodeModules({ log: console.log });
  await ensureBuilt();
  const steps = [
    ["format (Rust)", "cargo", ["fmt", "--all", ...(write ? [] : ["--check"])]],
    ["lints (Rust)", "cargo", ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]],
    ["types", process.execPath, [TSC, "-p", "tsconfig.json", "--noEmit"]],
    ["format and lints (JavaScript, TypeScript)", process.execPath, [BIOME, "check", ...(write ? ["--write"] : []), "."]],
  ];
  // This leaves out the list of known weaknesses, which is on GitHub. CI checks that list.
  const licences = ["licences and sources of crates", "cargo-deny", ["check", "bans", "licenses", "sources"]];
  if (findOnPath("cargo-deny")) steps.push(licences);
  else console.log(`skip   ${licences[0]} (cargo install --locked cargo-deny)`);
  const failed = [];
  for (const [name, command, args] of steps) {
    const { code, stdout, stderr } = await run(command, args, { cwd: ROOT });
    console.log(`${code === 0 ? "ok    " : "FAILED"} ${name}`);
    if (code !== 0) {
      failed.push(name);
      console.log(stdout + stderr);
    }
  }
  const broken = await breaches(ROOT, knownNames());
  console.log(`${broken.length === 0 ? "ok    " : "FAILED"} house rules`);
  if (broken.length > 0) {
    failed.push("house rules");
    console.log(broken.join("\n"));
  }
  if (failed.length > 0) throw new UserError(`failed: ${failed.join(", ")}`);
});
