// A shop on another platform: the project that the tests boot, with the packed package and its addon for that platform.

import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { installPacked } from "../install-packed.mjs";
import { legalFiles } from "../legal.mjs";
import { agreedVersion, platformPackages, stageMain, stagePlatform } from "../packages.mjs";
import { ROOT } from "../paths.mjs";
import { runOrFail } from "../process.mjs";
import { kept, LAB } from "./kept.mjs";

/**
 * Packs the main package and a platform's, and unpacks both into a copy of the project that the tests boot.
 *
 * @param {string} platform the name of its folder in npm/
 * @param {string} addon
 * @returns {Promise<string>} the shop's folder
 */
export async function makeShop(platform, addon) {
  const base = await installPacked();
  const shop = await kept(`shops/${platform}-${hashOf(path.join(base, "package.json"))}`, async (folder) => {
    // Hard links, because a copy would take a minute and half a gigabyte.
    await runOrFail("copying the project", "cp", ["-al", `${base}/.`, folder]);
  });
  const modules = path.join(shop, "node_modules");
  for (const name of fs.readdirSync(modules)) {
    if (name.startsWith("medusa-locking-redis")) fs.rmSync(path.join(modules, name), { recursive: true });
  }
  const found = platformPackages().find(({ folder }) => path.basename(folder) === platform);
  const stage = path.join(LAB, "stage", platform);
  stagePlatform(found, addon, path.join(stage, "platform"), await legalFiles(agreedVersion()));
  stageMain(path.join(stage, "main"));
  for (const [name, packed] of [
    [found.manifest.name, path.join(stage, "platform")],
    ["medusa-locking-redis", path.join(stage, "main")],
  ]) {
    const { stdout } = await runOrFail("packing", "npm", ["pack", "--json", "--loglevel=error"], { cwd: packed });
    const target = path.join(modules, name);
    fs.mkdirSync(target);
    await runOrFail("unpacking", "tar", ["-xzf", path.join(packed, JSON.parse(stdout)[0].filename), "--strip-components=1", "-C", target]);
  }
  for (const file of ["shop.cjs", "shop.play.cjs"]) fs.copyFileSync(path.join(ROOT, "harness", "rehearsal", file), path.join(shop, file));
  return shop;
}

function hashOf(file) {
  return createHash("sha256").update(fs.readFileSync(file)).digest("hex").slice(0, 8);
}
