// The packages as they are published: one per platform with its addon, and the main package, whose optional dependencies name them.

import fs from "node:fs";
import path from "node:path";
import { withAbsoluteLinks } from "./packaged-documents.mjs";
import { ROOT } from "./paths.mjs";
import { UserError } from "./process.mjs";

/** Size when unpacked, in bytes. */
export const LARGEST_PLATFORM_PACKAGE = 5 * 1024 * 1024;
/** The folder with the sources of the page for Medusa's Admin. */
export const PLUGIN = path.join(ROOT, "packages", "medusa-plugin-locks");
/** Fields of package.json that only serve the development of the package. */
const DEVELOPMENT_FIELDS = ["devDependencies", "scripts", "allowScripts"];
/** Fields that all packages share. */
const SHARED_FIELDS = ["description", "keywords", "license", "author", "repository", "homepage", "bugs", "engines"];

export function readManifest(folder) {
  return JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
}

function writeManifest(folder, manifest) {
  fs.writeFileSync(path.join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** @returns {{ folder: string, manifest: { name: string, main: string } }[]} the platform packages in npm/; `main` is the addon's file name */
export function platformPackages() {
  return fs.readdirSync(path.join(ROOT, "npm")).map((name) => {
    const folder = path.join(ROOT, "npm", name);
    return { folder, manifest: readManifest(folder) };
  });
}

/**
 * Checks that all places with the version name the same version.
 *
 * @param {string} [tag] the tag of a release, such as `v1.2.3`
 * @returns {string} the version
 * @throws {UserError} that names the places
 */
export function agreedVersion(tag) {
  const cargo = /^\[workspace\.package\]\nversion = "([^"]+)"$/m.exec(fs.readFileSync(path.join(ROOT, "Cargo.toml"), "utf8"))?.[1];
  const { version } = readManifest(ROOT);
  const places = [
    ["package.json", version],
    ["Cargo.toml", cargo],
  ];
  for (const { manifest } of platformPackages()) places.push([`npm/ (${manifest.name})`, manifest.version]);
  const plugin = readManifest(PLUGIN);
  places.push([plugin.name, plugin.version], [`the peers of ${plugin.name}`, plugin.peerDependencies[readManifest(ROOT).name]]);
  if (tag !== undefined) places.push(["the tag", tag.replace(/^v/, "")]);
  const others = places.filter(([, other]) => other !== version);
  if (others.length > 0) {
    throw new UserError(
      `the version is ${version} in package.json, but ${others.map(([place, other]) => `${other} in ${place}`).join(", ")}`,
    );
  }
  return version;
}

/**
 * Lays a platform's package out in `folder`, which is emptied.
 *
 * @param {{ folder: string, manifest: object }} platform one of `platformPackages()`
 * @param {string | Buffer} addon the addon's path, or a substitute for its contents
 * @param {Record<string, string>} legal the files that accompany every binary: `legalFiles()`
 */
export function stagePlatform(platform, addon, folder, legal) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.cpSync(platform.folder, folder, { recursive: true });
  fs.copyFileSync(path.join(ROOT, "LICENSE"), path.join(folder, "LICENSE"));
  const file = path.join(folder, platform.manifest.main);
  if (typeof addon === "string") fs.copyFileSync(addon, file);
  else fs.writeFileSync(file, addon);
  const main = readManifest(ROOT);
  const shared = Object.fromEntries(SHARED_FIELDS.filter((name) => name in main).map((name) => [name, main[name]]));
  for (const [name, text] of Object.entries(legal)) fs.writeFileSync(path.join(folder, name), text);
  const files = [...platform.manifest.files, ...Object.keys(legal)];
  writeManifest(folder, { ...platform.manifest, ...shared, files, version: main.version });
}

/** Lays the main package out in `folder`, which is emptied. The provider must be compiled. */
export function stageMain(folder) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const manifest = readManifest(ROOT);
  for (const name of [...manifest.files, "README.md", "LICENSE"]) {
    const source = path.join(ROOT, name);
    if (!fs.existsSync(source)) throw new UserError(`${name} is missing: run npm run build`);
    fs.cpSync(source, path.join(folder, name), { recursive: true });
  }
  for (const name of fs.readdirSync(folder).filter((file) => file.endsWith(".md"))) {
    const document = path.join(folder, name);
    fs.writeFileSync(document, withAbsoluteLinks(fs.readFileSync(document, "utf8"), manifest));
  }
  const names = platformPackages().map((platform) => [platform.manifest.name, manifest.version]);
  writeManifest(folder, { ...published(manifest), optionalDependencies: Object.fromEntries(names) });
}

/** Lays the package of the Admin's page out in `folder`, which is emptied. `built` is the folder in which Medusa has built it. */
export function stagePlugin(built, folder) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const manifest = readManifest(PLUGIN);
  for (const name of manifest.files) fs.cpSync(path.join(built, name), path.join(folder, name), { recursive: true });
  fs.copyFileSync(path.join(PLUGIN, "README.md"), path.join(folder, "README.md"));
  fs.copyFileSync(path.join(ROOT, "LICENSE"), path.join(folder, "LICENSE"));
  writeManifest(folder, published(manifest));
}

function published(manifest) {
  return Object.fromEntries(Object.entries(manifest).filter(([name]) => !DEVELOPMENT_FIELDS.includes(name)));
}
