// Publishes a release: the packages of all platforms, the main package, and the page for Medusa's Admin. All possible checks run before the
// first package is published. After a failure in the middle, the same command continues where it stopped.

import fs from "node:fs";
import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { legalFiles } from "../harness/legal.mjs";
import { agreedVersion, LARGEST_PLATFORM_PACKAGE, platformPackages, stageMain, stagePlatform } from "../harness/packages.mjs";
import { CACHE } from "../harness/paths.mjs";
import { buildPlugin } from "../harness/plugin-build.mjs";
import { run, runMain, runOrFail, UserError } from "../harness/process.mjs";

const STAGE = path.join(CACHE, "publish");
const USAGE = `usage: node scripts/publish.mjs --addons FOLDER [--tag vX.Y.Z] [--registry URL] [--stand-ins] [--check]
  --addons FOLDER   where the addons of all platforms are, at any depth
  --tag vX.Y.Z      must name the version of all packages
  --registry URL    default npm's own setting
  --stand-ins       packages without an addon get a text in its place; for a registry on this machine only
  --check           stop before anything is published`;

const FLAGS = {
  addons: { kind: "text" },
  tag: { kind: "text" },
  registry: { kind: "text" },
  "stand-ins": { kind: "switch" },
  check: { kind: "switch" },
};

/** The files below a folder whose names end with `.node`, by name. */
function addonsIn(folder) {
  if (!fs.existsSync(folder)) throw new UserError(`there is no folder ${folder}`);
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.name.endsWith(".node"));
  return new Map(files.map((entry) => [entry.name, path.join(entry.parentPath ?? entry.path, entry.name)]));
}

/** The newest glibc that a package for glibc may need. */
const MOST_GLIBC = [2, 17];
/** Paths that belong to a build machine. */
const MACHINE_PATH = /(?:\/(?:root|home\/[\w.-]+|Users\/[\w.-]+)\/|[A-Z]:\\Users\\)[\w.\\/-]+/;

/** The fault of a built addon, or undefined. */
function troubleOf(name, file) {
  const text = fs.readFileSync(file, "latin1");
  const [place] = MACHINE_PATH.exec(text) ?? [];
  if (place) return `${name} has a path of the machine that built it in it: ${place}`;
  const needed = [...text.matchAll(/GLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => [Number(major), Number(minor)]);
  const newer = needed.find(([major, minor]) => major > MOST_GLIBC[0] || minor > MOST_GLIBC[1]);
  return newer && `${name} needs glibc ${newer.join(".")}, more than ${MOST_GLIBC.join(".")}`;
}

async function stageAll(addons, standIns, legal) {
  const platforms = platformPackages();
  const missing = platforms.filter(({ manifest }) => !addons.has(manifest.main)).map(({ manifest }) => manifest.main);
  if (missing.length > 0 && !standIns) throw new UserError(`these addons are missing: ${missing.join(", ")}`);
  const troubles = standIns ? [] : [...addons].map(([name, file]) => troubleOf(name, file)).filter(Boolean);
  if (troubles.length > 0) throw new UserError(troubles.join("\n"));
  const folders = platforms.map((platform) => {
    const folder = path.join(STAGE, platform.manifest.name);
    const addon = addons.get(platform.manifest.main) ?? Buffer.from("No addon: this package was published for a rehearsal.\n");
    stagePlatform(platform, addon, folder, legal);
    return folder;
  });
  stageMain(path.join(STAGE, "main"));
  await buildPlugin(path.join(STAGE, "plugin"));
  return [...folders, path.join(STAGE, "main"), path.join(STAGE, "plugin")];
}

/** The package that npm would publish from a folder. */
async function packed(folder, registry) {
  const { stdout } = await runOrFail("packing", "npm", ["pack", "--json", "--dry-run", "--loglevel=error", ...registry], { cwd: folder });
  const [{ name, version, shasum, unpackedSize }] = JSON.parse(stdout);
  return { folder, name, version, shasum, unpackedSize };
}

/** The hash of a version that the registry already has. This reads npm's errors, so `npm run -s` must not silence them. */
async function published({ name, version }, registry) {
  const { code, stdout, stderr, tail } = await run("npm", ["view", `${name}@${version}`, "dist.shasum", "--loglevel=error", ...registry]);
  if (code === 0) return stdout.trim() || undefined;
  if (/E404/.test(stderr)) return undefined;
  throw new UserError(`the registry does not say whether it has ${name}@${version}:\n${tail}`);
}

await runMain(async () => {
  const { addons, tag, registry: url, "stand-ins": standIns, check } = readCommandLine({ usage: USAGE, flags: FLAGS });
  if (addons === undefined) throw new UserError("--addons is missing: it names the folder with the addons");
  if (standIns && !/^http:\/\/(127\.0\.0\.1|localhost)[:/]/.test(url ?? "")) {
    throw new UserError("--stand-ins is for a --registry on this machine only");
  }
  const version = agreedVersion(tag);
  const registry = url ? ["--registry", url] : [];
  const packages = [];
  const folders = await stageAll(addonsIn(addons), standIns, await legalFiles(version));
  for (const folder of folders) packages.push(await packed(folder, registry));
  const large = packages.slice(0, platformPackages().length).find(({ unpackedSize }) => unpackedSize > LARGEST_PLATFORM_PACKAGE);
  if (large) throw new UserError(`${large.name} is ${large.unpackedSize} bytes unpacked, more than 5 MB`);
  const wanted = [];
  for (const one of packages) {
    const hash = await published(one, registry);
    if (hash === undefined) wanted.push(one);
    else if (hash !== one.shasum) throw new UserError(`${one.name}@${version} is published already, with other contents`);
  }
  console.log(`${version}: ${packages.length} packages, ${packages.length - wanted.length} of them published already`);
  if (check) return;
  // The main package comes after the platforms' packages, which nobody installs before. The page needs the main package.
  for (const { name, folder } of wanted) {
    await runOrFail(`publishing ${name}`, "npm", ["publish", "--access", "public", "--loglevel=error", ...registry], { cwd: folder });
    console.log(`published ${name}@${version}`);
  }
});
