// The platforms of the lab: the build of each platform, and the surroundings in which it runs on this machine.

import { buildAddon, buildForWindows, checkTypes, checkTypesForMicrosoft } from "./builds.mjs";
import { NotHere } from "./not-here.mjs";
import { armNode, debianNode, muslNode, muslNodeAlone } from "./surroundings.mjs";
import { wineNode } from "./windows.mjs";

/**
 * @typedef {object} Platform
 * @property {string} title
 * @property {string} [npm] its folder in npm/; without it no addon is loaded
 * @property {() => Promise<string | undefined>} build builds the addon; undefined if only types are checked
 * @property {(() => Promise<import("./surroundings.mjs").Surroundings>)[]} runs
 */

/** @type {Record<string, Platform>} */
export const PLATFORMS = {
  "x64-musl": {
    title: "Linux x64, musl",
    npm: "linux-x64-musl",
    build: () => buildAddon("x86_64-unknown-linux-musl"),
    runs: [() => muslNode(20), () => muslNode(22), () => muslNode(24), () => muslNodeAlone(22)],
  },
  "arm64-gnu": {
    title: "Linux arm64, glibc 2.17",
    npm: "linux-arm64-gnu",
    build: () => buildAddon("aarch64-unknown-linux-gnu.2.17"),
    runs: [() => armNode(22, "gnu")],
  },
  debian: {
    title: "Linux x64, glibc 2.17, Debian's Node.js",
    npm: "linux-x64-gnu",
    build: () => buildAddon("x86_64-unknown-linux-gnu.2.17"),
    runs: [debianNode],
  },
  "arm64-musl": {
    title: "Linux arm64, musl",
    npm: "linux-arm64-musl",
    build: () => buildAddon("aarch64-unknown-linux-musl"),
    runs: [() => armNode(22, "musl")],
  },
  "windows-x64": {
    title: "Windows x64, GNU's ABI",
    npm: "win32-x64-msvc",
    build: buildForWindows,
    runs: [() => wineNode(22)],
  },
  "windows-msvc": {
    title: "Windows x64, Microsoft's ABI",
    build: checkTypesForMicrosoft,
    runs: [() => notHere("there is nothing to link it with")],
  },
  macos: {
    title: "macOS arm64",
    build: () => checkTypes("aarch64-apple-darwin"),
    runs: [() => notHere("macOS does not run here")],
  },
};

async function notHere(why) {
  throw new NotHere(why);
}
