// Paths in the work tree.

import path from "node:path";
import { fileURLToPath } from "node:url";

/** The project's root folder, absolute. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** Downloads and other things that may be deleted at any time; ignored by git. */
export const CACHE = path.join(ROOT, ".cache");
