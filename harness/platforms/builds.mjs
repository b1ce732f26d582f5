// Builds the addon for platforms other than this machine's platform.

import fs from "node:fs";
import path from "node:path";
import { ROOT } from "../paths.mjs";
import { runOrFail } from "../process.mjs";
import { kept, LAB } from "./kept.mjs";
import { toolchain } from "./toolchain.mjs";

/**
 * The settings of the release, without the optimization of the whole program. That optimization takes most of the time and does not change
 * behaviour.
 */
const QUICK = { CARGO_PROFILE_RELEASE_LTO: "off", CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16" };

/**
 * Builds with the release's script.
 *
 * @param {string} target Rust's name of the platform; for glibc with the oldest version that must suffice
 * @returns {Promise<string>} the addon
 */
export async function buildAddon(target) {
  const out = path.join(LAB, "addons", target);
  const args = [path.join(ROOT, "scripts", "build.mjs"), "--target", target, "--zig", "--out", out];
  await runOrFail(`building for ${target}`, process.execPath, args, { env: { ...(await toolchain()), ...QUICK } });
  return path.join(
    out,
    fs.readdirSync(out).find((name) => name.endsWith(".node")),
  );
}

/**
 * Builds for Windows with GNU's ABI, because Microsoft's ABI needs Microsoft's libraries.
 *
 * @returns {Promise<string>} the addon
 */
export async function buildForWindows() {
  const target = "x86_64-pc-windows-gnu";
  const env = { ...(await toolchain()), ...QUICK, LIBNODE_PATH: await emptyLibnode() };
  await runOrFail(`building for ${target}`, "cargo-zigbuild", ["build", "--lib", "--release", "--target", target], { cwd: ROOT, env });
  return path.join(env.CARGO_TARGET_DIR, target, "release", "medusa_locking_redis.dll");
}

/**
 * Checks the types of the code that is compiled only for this platform.
 *
 * @param {string} target Rust's name of the platform
 */
export async function checkTypes(target) {
  const args = ["check", "--profile", "checks", "--target", target];
  await runOrFail(`checking for ${target}`, "cargo-zigbuild", args, { cwd: ROOT, env: await toolchain() });
}

/**
 * Checks the types for Microsoft's ABI. C sources are compiled on the way, but with GNU's ABI, which does no harm because nothing links
 * them.
 */
export async function checkTypesForMicrosoft() {
  const tools = await kept("msvc-tools", async (folder) => {
    fs.writeFileSync(path.join(folder, "clang"), CLANG_FOR_GNU, { mode: 0o755 });
    fs.writeFileSync(path.join(folder, "llvm-lib"), '#!/bin/sh\nexec zig lib "$@"\n', { mode: 0o755 });
  });
  const target = "x86_64-pc-windows-msvc";
  const programs = { CC_x86_64_pc_windows_msvc: path.join(tools, "clang"), AR_x86_64_pc_windows_msvc: path.join(tools, "llvm-lib") };
  const args = ["check", "--profile", "checks", "--target", target];
  await runOrFail(`checking for ${target}`, "cargo", args, { cwd: ROOT, env: { ...(await toolchain()), ...programs } });
}

const CLANG_FOR_GNU = `#!/bin/sh
for one in "$@"; do
  shift
  case "$one" in --target=*) ;; *) set -- "$@" "$one" ;; esac
done
exec zig cc -target x86_64-windows-gnu "$@"
`;

/**
 * The build for GNU's ABI asks for Node.js as a library, but needs nothing from it, because the addon looks its functions up when it is
 * loaded.
 */
function emptyLibnode() {
  return kept("libnode", async (folder) => {
    for (const name of ["libnode.a", "libssp_nonshared.a", "libssp.a"]) fs.writeFileSync(path.join(folder, name), "!<arch>\n");
    fs.writeFileSync(path.join(folder, "libnode.dll"), "");
  });
}
