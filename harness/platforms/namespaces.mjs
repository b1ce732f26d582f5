// Runs programs that see a different system: other files in private mount namespaces, or another root.

import fs from "node:fs";
import path from "node:path";
import { findOnPath } from "../process.mjs";
import { debianPackages } from "./debian.mjs";
import { kept } from "./kept.mjs";
import { NotHere } from "./not-here.mjs";

/** Runs commands of a shell in a private mount namespace. The last command starts the program: `exec "$@"`. */
function withMounts(commands) {
  if (process.getuid?.() !== 0 || !findOnPath("unshare"))
    throw new NotHere("it takes a mount namespace of its own: be root, and have unshare");
  return ["unshare", "-m", "sh", "-c", `mount --make-rprivate / && ${commands.join(" && ")}`, "sh"];
}

/**
 * Programs see Alpine's `ldd` in place of this machine's: the package and npm use it to find out that they run on musl.
 *
 * @returns {Promise<string[]>} the beginning of a command
 */
export async function withMuslLdd() {
  return withMounts([`mount --bind '${await muslLdd()}' /usr/bin/ldd`, 'exec "$@"']);
}

/** Alpine's `ldd`. */
export async function muslLdd() {
  const folder = await kept("musl-ldd", async (made) => {
    fs.writeFileSync(path.join(made, "ldd"), '#!/bin/sh\nexec /lib/ld-musl-x86_64.so.1 --list -- "$@"\n', { mode: 0o755 });
  });
  return path.join(folder, "ldd");
}

/**
 * Programs see the files of a folder joined with those of this machine's /usr.
 *
 * @param {string} lower
 * @returns {string[]} the beginning of a command
 */
export function withUsrFrom(lower) {
  return withMounts([`mount -t overlay overlay -o 'lowerdir=${lower}:/usr' /usr`, 'exec "$@"']);
}

/**
 * Programs run in another root, which sees folders of this machine at their usual places.
 *
 * @param {string} root
 * @param {string[]} folders
 * @param {string} cwd
 * @returns {string[]} the beginning of a command
 */
export function inRoot(root, folders, cwd) {
  const binds = folders.flatMap((folder) => [`mkdir -p '${root}${folder}'`, `mount --rbind '${folder}' '${root}${folder}'`]);
  const mounts = [
    `mkdir -p '${root}/proc' '${root}/dev' '${root}/tmp'`,
    `mount -t proc proc '${root}/proc'`,
    `mount --rbind /dev '${root}/dev'`,
  ];
  return withMounts([...mounts, ...binds, `exec chroot '${root}' /bin/sh -c 'cd "$1" && shift && exec "$@"' sh '${cwd}' "$@"`]);
}

/** @returns {Promise<string>} musl's library, which is also its loader */
export async function muslLibrary(architecture) {
  const folder = await debianPackages(`musl-1.2.5-${architecture}`, { suite: "trixie", architecture, packages: ["musl"] });
  const machine = { amd64: "x86_64", arm64: "aarch64" }[architecture];
  return path.join(folder, "usr", "lib", `${machine}-linux-musl`, "libc.so");
}

/**
 * A root with musl and without glibc, like images of Alpine.
 *
 * @param {{ version: string, wheel: string }} node as `nodeFor` gives it
 * @returns {Promise<string>}
 */
export async function muslRoot(node) {
  const busybox = await debianPackages("busybox", { suite: "bookworm", packages: ["busybox-static"] });
  const library = await muslLibrary("amd64");
  const ldd = await muslLdd();
  return kept(`root-musl-node-${node.version}`, async (root) => {
    for (const folder of ["lib", "bin", "usr/bin", "etc", "opt", "tmp"]) fs.mkdirSync(path.join(root, folder), { recursive: true });
    fs.copyFileSync(library, path.join(root, "lib", "ld-musl-x86_64.so.1"));
    fs.chmodSync(path.join(root, "lib", "ld-musl-x86_64.so.1"), 0o755);
    fs.symlinkSync("ld-musl-x86_64.so.1", path.join(root, "lib", "libc.musl-x86_64.so.1"));
    fs.copyFileSync(ldd, path.join(root, "usr", "bin", "ldd"));
    const shell = ["bin", "usr/bin"].map((folder) => path.join(busybox, folder, "busybox")).find((file) => fs.existsSync(file));
    fs.copyFileSync(shell, path.join(root, "bin", "busybox"));
    for (const name of ["sh", "sleep", "rm", "kill"]) fs.symlinkSync("busybox", path.join(root, "bin", name));
    fs.cpSync(node.wheel, path.join(root, "opt"), { recursive: true, verbatimSymlinks: true });
    fs.writeFileSync(path.join(root, "etc", "hosts"), "127.0.0.1 localhost\n::1 localhost\n");
  });
}
