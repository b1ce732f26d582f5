// A compiler for other platforms: Debian's Rust, which includes the sources of its standard library, and zig as linker and C compiler.

import fs from "node:fs";
import path from "node:path";
import { debianPackages } from "./debian.mjs";
import { kept, LAB } from "./kept.mjs";
import { program } from "./programs.mjs";

const RUST_PACKAGES = ["rustc-web", "cargo-web", "rust-web-src", "libstd-rust-web-dev", "libstd-rust-web-1.96"];
const RUST_LIBRARIES = ["libllvm22", "libgit2-1.5", "libhttp-parser2.9", "libmbedcrypto7", "libmbedx509-1", "libmbedtls14"];

/** @returns {Promise<Record<string, string>>} the environment in which cargo, cargo-zigbuild and zig are on the PATH */
export async function toolchain() {
  const rust = path.join(await debianPackages("rust-1.96", { suite: "bookworm", packages: [...RUST_PACKAGES, ...RUST_LIBRARIES] }), "usr");
  const bin = await kept("bin", async (folder) => {
    fs.symlinkSync(await program("ziglang", "0.17.1", "ziglang/zig"), path.join(folder, "zig"));
    const zigbuild = await program("cargo-zigbuild", "0.24.1", "cargo_zigbuild-0.24.1.data/scripts/cargo-zigbuild");
    fs.symlinkSync(zigbuild, path.join(folder, "cargo-zigbuild"));
    const libraries = ["lib/x86_64-linux-gnu", "lib/llvm-22/lib", "lib"].map((name) => path.join(rust, name)).join(":");
    for (const name of ["cargo", "rustc"]) {
      const script = `#!/bin/sh\nexport LD_LIBRARY_PATH='${libraries}'\nexec '${rust}/bin/${name}' "$@"\n`;
      fs.writeFileSync(path.join(folder, name), script, { mode: 0o755 });
    }
  });
  return {
    PATH: `${bin}:${process.env.PATH}`,
    // The standard library is compiled, too, because Debian has its binaries only for few platforms.
    CARGO_UNSTABLE_BUILD_STD: "std,panic_unwind",
    RUSTC_BOOTSTRAP: "1",
    CARGO_TARGET_DIR: path.join(LAB, "target"),
    ZIG_GLOBAL_CACHE_DIR: path.join(LAB, "zig-cache"),
    CARGO_ZIGBUILD_CACHE_DIR: path.join(LAB, "zigbuild-cache"),
  };
}
