// Where the tests take Medusa and the providers from.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { ROOT } from "./paths.mjs";

const PREPARED = path.join(ROOT, ".cache", "installed");

/**
 * The folder whose node_modules holds Medusa and the providers: `MLR_INSTALLED`, else what `scripts/install-packed.mjs` made, else
 * the work tree itself.
 */
export const INSTALLED = path.resolve(
  process.env.MLR_INSTALLED || (fs.existsSync(path.join(PREPARED, "node_modules", "medusa-locking-redis")) ? PREPARED : ROOT),
);

/** `require` as a shop's own code in that folder would see it. */
export const requireInstalled = createRequire(path.join(INSTALLED, "shop.js"));

/** What a shop writes as `resolve` for the official provider. */
export const OFFICIAL = "@medusajs/locking-redis";

/** What a shop writes as `resolve` for our provider; in the work tree, where the package is not installed, its folder. */
export const OURS = INSTALLED === ROOT ? ROOT : "medusa-locking-redis";

/** The provider under test: ours, or the official one with `PROVIDER=official` (while tests are written). */
export const UNDER_TEST = process.env.PROVIDER === "official" ? OFFICIAL : OURS;

/** Whether the provider under test is the official one: then tests of what is ours alone have no meaning. */
export const TESTING_OFFICIAL = UNDER_TEST === OFFICIAL;
