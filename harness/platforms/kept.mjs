// What the platform lab downloads, unpacks and makes, each once.

import fs from "node:fs";
import path from "node:path";
import { CACHE } from "../paths.mjs";

/** Everything of the lab; may be deleted at any time. */
export const LAB = path.join(CACHE, "platforms");

/**
 * A folder of the lab that is made once. What was interrupted is made anew.
 *
 * @param {string} name says what is in it, with its version: another name is another folder
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
