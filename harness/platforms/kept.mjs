// The files that the platform lab downloads, unpacks and makes, each once.

import fs from "node:fs";
import path from "node:path";
import { CACHE } from "../paths.mjs";

/** All files of the lab. The folder may be deleted at any time. */
export const LAB = path.join(CACHE, "platforms");

/**
 * A folder of the lab that is made once. If the work was interrupted, it begins again.
 *
 * @param {string} name names the contents with their version: another name is another folder
 * @param {(folder: string) => Promise<void>} make fills a folder that is renamed afterwards
 * @returns {Promise<string>} its path
 */
export async function kept(name, make) {
  const folder = path.join(LAB, name);
  if (fs.existsSync(folder)) return folder;
  const unfinished = `${folder}.unfinished`;
  fs.rmSync(unfinished, { recursive: true, force: true });
  fs.mkdirSync(unfinished, { recursive: true });
  console.error(`  getting ${name}`);
  await make(unfinished);
  fs.renameSync(unfinished, folder);
  return folder;
}
