// Packs the packages that `npm install` needs on this machine, as they would be published, and prints the tarballs' paths, one per line.
// These are the package of this platform with its addon, and the main package, whose optional dependencies name the packages of all
// platforms.

import fs from "node:fs";
import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { legalFiles } from "../harness/legal.mjs";
import { agreedVersion, LARGEST_PLATFORM_PACKAGE, platformPackages, stageMain, stagePlatform } from "../harness/packages.mjs";
import { CACHE, ROOT } from "../harness/paths.mjs";
import { runMain, runOrFail, UserError } from "../harness/process.mjs";
import { ensureBuilt, ensureNodeModules } from "../harness/setup.mjs";

const STAGE = path.join(CACHE, "pack");

async function pack(folder) {
  const { stdout } = await runOrFail("packing", "npm", ["pack", "--json", "--loglevel=error", "--pack-destination", STAGE], {
    cwd: folder,
  });
  const [packed] = JSON.parse(stdout);
  return { file: path.join(STAGE, packed.filename), unpacked: packed.unpackedSize };
}

async function packPlatform() {
  const addon = fs.readdirSync(ROOT).find((name) => name.endsWith(".node"));
  const found = platformPackages().find(({ manifest }) => manifest.main === addon);
  if (!found) throw new UserError(`no package in npm/ is for ${addon}`);
  const folder = path.join(STAGE, "platform");
  stagePlatform(found, path.join(ROOT, addon), folder, await legalFiles(agreedVersion()));
  const { file, unpacked } = await pack(folder);
  if (unpacked > LARGEST_PLATFORM_PACKAGE) throw new UserError(`${path.basename(file)} is ${unpacked} bytes unpacked, more than 5 MB`);
  return file;
}

async function packMain() {
  const folder = path.join(STAGE, "main");
  stageMain(folder);
  return (await pack(folder)).file;
}

await runMain(async () => {
  readCommandLine({ usage: "usage: npm run -s pack:local" });
  const say = (line) => console.error(line);
  await ensureNodeModules({ log: say });
  await ensureBuilt();
  fs.rmSync(STAGE, { recursive: true, force: true });
  fs.mkdirSync(STAGE, { recursive: true });
  console.log(await packPlatform());
  console.log(await packMain());
});
