// Fuzzes the reply parser for a while, where a nightly toolchain is present; says so and ends where none is.
//   node scripts/fuzz.mjs [seconds]     default 20

import fs from "node:fs";
import path from "node:path";
import { CACHE, ROOT } from "../harness/paths.mjs";
import { findOnPath, run, runMain, runOrFail, UserError } from "../harness/process.mjs";

await runMain(async () => {
  const seconds = process.argv[2] ?? "20";
  if (!/^[1-9]\d{0,4}$/.test(seconds) || process.argv.length > 3) throw new UserError("the only argument is a number of seconds");
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
