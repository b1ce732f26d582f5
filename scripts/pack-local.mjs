// Packs what `npm install` needs on this machine, as it would be published, and prints the tarballs' paths, one a line: the package of
// this platform with its addon, and the main package, whose optional dependencies name the packages of all platforms.

import fs from "node:fs";
import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { CACHE, ROOT } from "../harness/paths.mjs";
import { runMain, runOrFail, UserError } from "../harness/process.mjs";
import { ensureBuilt, ensureNodeModules } from "../harness/setup.mjs";

const STAGE = path.join(CACHE, "pack");
/** Unpacked, in bytes. */
const LARGEST_PLATFORM_PACKAGE = 5 * 1024 * 1024;
/** Fields of package.json that are for working on the package only. */
const DEVELOPMENT_FIELDS = ["devDependencies", "scripts", "allowScripts"];

function readManifest(folder) {
  return JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
}

function writeManifest(folder, manifest) {
  fs.writeFileSync(path.join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** The platform packages in npm/, by folder. */
function platformPackages() {
  return fs
    .readdirSync(path.join(ROOT, "npm"))
    .map((name) => ({ folder: path.join(ROOT, "npm", name), manifest: readManifest(path.join(ROOT, "npm", name)) }));
}

async function pack(folder) {
  const { stdout } = await runOrFail("packing", "npm", ["pack", "--json", "--loglevel=error", "--pack-destination", STAGE], {
    cwd: folder,
  });
  const [packed] = JSON.parse(stdout);
  return { file: path.join(STAGE, packed.filename), unpacked: packed.unpackedSize };
}

async function packPlatform(version) {
  const addon = fs.readdirSync(ROOT).find((name) => name.endsWith(".node"));
  const found = platformPackages().find(({ manifest }) => manifest.main === addon);
  if (!found) throw new UserError(`no package in npm/ is for ${addon}`);
  const folder = path.join(STAGE, "platform");
  fs.cpSync(found.folder, folder, { recursive: true });
  fs.copyFileSync(path.join(ROOT, "LICENSE"), path.join(folder, "LICENSE"));
  fs.copyFileSync(path.join(ROOT, addon), path.join(folder, addon));
  writeManifest(folder, { ...found.manifest, version });
  const { file, unpacked } = await pack(folder);
  if (unpacked > LARGEST_PLATFORM_PACKAGE) throw new UserError(`${path.basename(file)} is ${unpacked} bytes unpacked, more than 5 MB`);
  return file;
}

async function packMain(manifest) {
  const folder = path.join(STAGE, "main");
  fs.mkdirSync(folder, { recursive: true });
  for (const name of [...manifest.files, "README.md", "LICENSE"]) {
    const source = path.join(ROOT, name);
    if (fs.existsSync(source)) fs.cpSync(source, path.join(folder, name), { recursive: true });
  }
  const published = Object.fromEntries(Object.entries(manifest).filter(([name]) => !DEVELOPMENT_FIELDS.includes(name)));
  const names = platformPackages().map((platform) => [platform.manifest.name, manifest.version]);
  writeManifest(folder, { ...published, optionalDependencies: Object.fromEntries(names) });
  return (await pack(folder)).file;
}

await runMain(async () => {
  readCommandLine({ usage: "usage: npm run -s pack:local" });
  const say = (line) => console.error(line);
  await ensureNodeModules({ log: say });
  await ensureBuilt();
  fs.rmSync(STAGE, { recursive: true, force: true });
  fs.mkdirSync(STAGE, { recursive: true });
  const manifest = readManifest(ROOT);
  console.log(await packPlatform(manifest.version));
  console.log(await packMain(manifest));
});
