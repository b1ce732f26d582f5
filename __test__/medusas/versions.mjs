// Versions of Medusa with what they need to boot the Locking Module, in `.cache/medusa/<version>`, and the packed package beside it.

import fs from "node:fs";
import path from "node:path";
import { installPacked } from "../../harness/install-packed.mjs";
import { CACHE } from "../../harness/paths.mjs";

/** From the first that is supported to the next one's newest snapshot; between them those where something changed that matters here. */
export const VERSIONS = ["2.0.7", "2.4.0", "2.8.8", "2.11.3", "2.14.2", "2.18.0", "2.21.2", "2.22.0-snapshot-20260911212358"];

/** Packages that the framework of early versions asks for by a range: it would be installed with those of today. */
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
