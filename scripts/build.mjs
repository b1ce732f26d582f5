// Builds the addon (native.js, native.d.ts, *.node) and the provider (provider/dist). Does nothing if no input has changed since the last
// build.

import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { CACHE, ROOT } from "../harness/paths.mjs";
import { findOnPath, runMain, runOrFail, UserError } from "../harness/process.mjs";

const ADDON_INPUTS = ["src", "crates/lock-core", "Cargo.toml", "Cargo.lock", "build.rs", "package.json"];
const PROVIDER_INPUTS = ["provider/src", "tsconfig.json", "native.d.ts"];
const USAGE = `usage: node scripts/build.mjs [--provider | --target NAME [--zig] [--out FOLDER]]
  --provider      compile only the provider (TypeScript)
  --target NAME   build only the addon, for this platform: a Rust target; with --zig a version of glibc may follow (….2.17)
  --zig           by cargo-zigbuild, for platforms other than this machine's
  --out FOLDER    where it is put, with a binding; default the project's root`;
// Node.js starts the programs of packages, because in node_modules/.bin they are batch files on Windows, which only a shell can start.
const NAPI = path.join(ROOT, "node_modules", "@napi-rs", "cli", "dist", "cli.js");
const TSC = path.join(ROOT, "node_modules", "typescript", "bin", "tsc");

/** Every file below `inputs`, in a fixed order. */
function filesOf(inputs) {
  return inputs.flatMap((input) => {
    const full = path.join(ROOT, input);
    if (!fs.existsSync(full)) return [];
    if (fs.statSync(full).isFile()) return [input];
    return filesOf(
      fs
        .readdirSync(full)
        .sort()
        .map((name) => path.join(input, name)),
    );
  });
}

function hashOf(inputs) {
  const hash = createHash("sha256").update(process.platform + process.arch);
  // Cargo also takes its settings from these variables.
  const settings = Object.entries(process.env).filter(([name]) => /^(CARGO_PROFILE_|RUSTFLAGS$)/.test(name));
  hash.update(JSON.stringify(settings.sort()));
  for (const file of filesOf(inputs))
    hash
      .update(file)
      .update("\0")
      .update(fs.readFileSync(path.join(ROOT, file)));
  return hash.digest("hex");
}

/** Runs `build`, unless the inputs are the same as last time and the outputs exist. */
async function unlessCurrent(name, inputs, outputs, build) {
  const mark = path.join(CACHE, "built", `${name}.sha256`);
  const hash = hashOf(inputs);
  const current = fs.existsSync(mark) && fs.readFileSync(mark, "utf8") === hash;
  if (current && outputs().every((file) => file && fs.existsSync(path.resolve(ROOT, file)))) return;
  await build();
  fs.mkdirSync(path.dirname(mark), { recursive: true });
  fs.writeFileSync(mark, hash);
}

/** Rust's flags. They keep paths of this machine, which are in the texts of panics, out of the addon. */
function rustFlags() {
  const crates = path.join(process.env.CARGO_HOME ?? path.join(os.homedir(), ".cargo"), "registry", "src");
  const known = [
    [crates, "crates"],
    [ROOT, "."],
  ];
  return [process.env.RUSTFLAGS, ...known.map(([from, to]) => `--remap-path-prefix=${from}=${to}`)].filter(Boolean).join(" ");
}

async function buildAddon(more = []) {
  if (!findOnPath("cargo")) throw new UserError("cargo is not on the PATH: install a Rust toolchain, https://rustup.rs");
  const args = ["build", "--platform", "--release", "--js", "native.js", "--dts", "native.d.ts", ...more];
  await runOrFail("building the addon", process.execPath, [NAPI, ...args], { cwd: ROOT, env: { RUSTFLAGS: rustFlags() } });
}

function addonIn(folder) {
  if (!fs.existsSync(folder)) return undefined;
  const name = fs.readdirSync(folder).find((one) => one.endsWith(".node"));
  return name && path.join(folder, name);
}

async function buildForTarget(target, zig, out) {
  const args = ["--target", target, ...(zig ? ["-x"] : []), ...(out === undefined ? [] : ["--output-dir", path.resolve(out)])];
  if (out === undefined) return buildAddon(args);
  // This build has its own folder, which shows whether the addon exists. The root may have addons of several platforms, so it does not show
  // it.
  await unlessCurrent(
    `addon-${target}`,
    ADDON_INPUTS,
    () => [addonIn(path.resolve(out))],
    () => buildAddon(args),
  );
}

await runMain(async () => {
  const flags = { provider: { kind: "switch" }, target: { kind: "text" }, zig: { kind: "switch" }, out: { kind: "text" } };
  const { provider, target, zig, out } = readCommandLine({ usage: USAGE, flags });
  if (zig && target === undefined) throw new UserError("--zig needs a --target");
  if (out !== undefined && target === undefined) throw new UserError("--out needs a --target");
  if (target !== undefined) return buildForTarget(target, zig, out);
  if (!provider) {
    await unlessCurrent("addon", ADDON_INPUTS, () => [addonIn(ROOT), "native.js", "native.d.ts"], buildAddon);
  }
  await unlessCurrent(
    "provider",
    PROVIDER_INPUTS,
    () => ["provider/dist/index.js"],
    () => {
      // Without this, the compiled output of a deleted source file would be packed.
      fs.rmSync(path.join(ROOT, "provider", "dist"), { recursive: true, force: true });
      return runOrFail("compiling the provider", process.execPath, [TSC, "-p", "tsconfig.json"], { cwd: ROOT });
    },
  );
});
