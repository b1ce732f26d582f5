// Versions of Medusa in `.cache/medusa/<version>`, with everything that the Locking Module needs to boot, and the packed package beside it.

import fs from "node:fs";
import path from "node:path";
import { installPacked } from "../../harness/install-packed.mjs";
import { CACHE } from "../../harness/paths.mjs";

/** From the first supported version to the newest snapshot of the next version. Between them are versions in which something relevant changed. */
export const VERSIONS = ["2.0.7", "2.4.0", "2.8.8", "2.11.3", "2.14.2", "2.18.0", "2.21.2", "2.22.0-snapshot-20260911212358"];

/** Packages for which the framework of early versions gives a version range. Without a pin, today's versions would be installed. */
const PINNED = ["cli", "modules-sdk", "orchestration", "telemetry", "types", "utils", "workflows-sdk"];

const TARBALLS = path.join(CACHE, "pack");

/**
 * Installs a version, or finds it installed.
 *
 * @param {string} version
 * @returns {Promise<string>} the folder with its node_modules
 */
export async function installMedusa(version) {
  const target = path.join(CACHE, "medusa", version);
  fs.mkdirSync(target, { recursive: true });
  const manifest = {
    name: "medusa-shop",
    private: true,
    dependencies: { "@medusajs/framework": version, "@medusajs/locking": version },
    overrides: Object.fromEntries(PINNED.map((name) => [`@medusajs/${name}`, version])),
  };
  fs.writeFileSync(path.join(target, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const tarballs = fs.readdirSync(TARBALLS).filter((name) => name.endsWith(".tgz"));
  return installPacked({ tarballs: tarballs.map((name) => path.join(TARBALLS, name)), target, ownManifest: true });
}
