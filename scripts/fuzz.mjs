// Fuzzes the reply parser for a while if a nightly toolchain is installed. Otherwise it says so and ends.

import fs from "node:fs";
import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { CACHE, ROOT } from "../harness/paths.mjs";
import { findOnPath, run, runMain, runOrFail } from "../harness/process.mjs";

const USAGE = `usage: node scripts/fuzz.mjs [--seconds N]
  --seconds N   how long, 1 to 86400 (default 20)`;

await runMain(async () => {
  const { seconds } = readCommandLine({ usage: USAGE, flags: { seconds: { kind: "number", range: [1, 86_400], default: 20 } } });
  const nightly = findOnPath("rustup") && (await run("rustup", ["run", "nightly", "cargo", "--version"])).code === 0;
  if (!nightly) return console.log("skipped: fuzzing needs a nightly Rust toolchain (rustup toolchain install nightly)");
  let fuzz = findOnPath("cargo-fuzz");
  if (!fuzz) {
    const root = path.join(CACHE, "cargo-fuzz");
    fuzz = path.join(root, "bin", "cargo-fuzz");
    if (!fs.existsSync(fuzz)) {
      console.log("installing cargo-fuzz (a minute or two)");
      await runOrFail("installing cargo-fuzz", "cargo", ["install", "cargo-fuzz", "--locked", "--root", root]);
    }
  }
  const args = ["fuzz", "run", "parser", "--fuzz-dir", "fuzz", "--", `-max_total_time=${seconds}`, "-max_len=4096"];
  const env = { RUSTUP_TOOLCHAIN: "nightly", PATH: `${path.dirname(fuzz)}${path.delimiter}${process.env.PATH}` };
  const { stdout, stderr } = await runOrFail("fuzzing the parser", fuzz, args, { cwd: ROOT, env });
  console.log(
    `${stdout}${stderr}`
      .trim()
      .split("\n")
      .filter((line) => /^(Done|stat)/.test(line))
      .join("\n"),
  );
});
