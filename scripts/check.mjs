// Everything that is checked without running the package: format, lints, types, house rules. `npm run check` is the whole loop.

import fs from "node:fs";
import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { ROOT } from "../harness/paths.mjs";
import { run, runMain, runOrFail, UserError } from "../harness/process.mjs";
import { ensureBuilt, ensureNodeModules } from "../harness/setup.mjs";

const USAGE = `usage: npm run check -- [--write]
  --write   put right what can be put right by itself`;
const MOST_LINES = 400;
const BIN = path.join(ROOT, "node_modules", ".bin");

async function trackedFiles() {
  const { stdout } = await runOrFail("listing files", "git", ["ls-files", "*.rs", "*.ts", "*.mjs", "*.js", "*.lua"], { cwd: ROOT });
  return stdout.split("\n").filter((file) => file && fs.existsSync(path.join(ROOT, file)));
}

/** House rules that no linter knows: file length, and unsafe code in its one folder. */
async function houseRules() {
  const troubles = [];
  for (const file of await trackedFiles()) {
    const text = fs.readFileSync(path.join(ROOT, file), "utf8");
    const lines = text.split("\n").length - 1;
    if (lines > MOST_LINES) troubles.push(`${file} has ${lines} lines, more than ${MOST_LINES}`);
    if (file.endsWith(".rs") && !file.startsWith("src/sys/") && /\bunsafe\s*(\{|fn|impl|extern)/.test(text)) {
      troubles.push(`${file} has unsafe code outside src/sys`);
    }
  }
  if (troubles.length > 0) throw new UserError(`house rules:\n${troubles.join("\n")}`);
}

await runMain(async () => {
  const { write } = readCommandLine({ usage: USAGE, flags: { write: { kind: "switch" } } });
  await ensureNodeModules({ log: console.log });
  await ensureBuilt();
  const steps = [
    ["format (Rust)", "cargo", ["fmt", "--all", ...(write ? [] : ["--check"])]],
    ["lints (Rust)", "cargo", ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]],
    ["types", path.join(BIN, "tsc"), ["-p", "tsconfig.json", "--noEmit"]],
    ["format and lints (JavaScript, TypeScript)", path.join(BIN, "biome"), ["check", ...(write ? ["--write"] : []), "."]],
  ];
  const failed = [];
  for (const [name, command, args] of steps) {
    const { code, stdout, stderr } = await run(command, args, { cwd: ROOT });
    console.log(`${code === 0 ? "ok    " : "FAILED"} ${name}`);
    if (code !== 0) {
      failed.push(name);
      console.log(stdout + stderr);
    }
  }
  await houseRules();
  console.log("ok     house rules");
  if (failed.length > 0) throw new UserError(`failed: ${failed.join(", ")}`);
});
