// The place from which the tests take Medusa and the providers.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { ROOT } from "./paths.mjs";

const PREPARED = path.join(ROOT, ".cache", "installed");

/**
 * The folder whose node_modules holds Medusa and the providers: `MLR_INSTALLED`, else the folder that `scripts/install-packed.mjs` made,
 * else the work tree itself.
 */
export const INSTALLED = path.resolve(
  process.env.MLR_INSTALLED || (fs.existsSync(path.join(PREPARED, "node_modules", "medusa-locking-redis")) ? PREPARED : ROOT),
);

/** `require` as the shop's own code in that folder has it. */
export const requireInstalled = createRequire(path.join(INSTALLED, "shop.js"));

/** The value of `resolve` for the official provider. */
export const OFFICIAL = "@medusajs/locking-redis";

/** The value of `resolve` for our provider. In the work tree the package is not installed, so there it is the folder. */
export const OURS = INSTALLED === ROOT ? ROOT : "medusa-locking-redis";

/** The provider under test: ours, or the official one with `PROVIDER=official` (while tests are written). */
export const UNDER_TEST = process.env.PROVIDER === "official" ? OFFICIAL : OURS;

/** Whether the official provider is under test. Then tests of our own features have no meaning. */
export const TESTING_OFFICIAL = UNDER_TEST === OFFICIAL;
