// Runs parts of the tests two at a time, except the parts that need the machine to themselves.

import { UserError } from "./process.mjs";

/**
 * Runs every part, and prints when each begins and ends.
 *
 * @param {string[]} names the parts in the order in which they begin; parts that need the machine to themselves run after all others
 * @param {object} how
 * @param {(name: string) => boolean} how.isAlone whether a part needs the machine to itself
 * @param {(name: string) => Promise<{ failed?: boolean, text: string }>} how.run runs one part
 * @throws {UserError} names the parts that failed
 */
export async function runTwoAtATime(names, { isAlone, run }) {
  const failed = [];
  const visit = async (name) => {
    console.log(`\n=== ${name}`);
    const began = Date.now();
    const result = await run(name);
    console.log(`=== ${name}: ${result.text} after ${Math.round((Date.now() - began) / 1_000)} s`);
    if (result.failed) failed.push(name);
  };
  const shared = names.filter((name) => !isAlone(name));
  const worker = async () => {
    for (let name = shared.shift(); name; name = shared.shift()) await visit(name);
  };
  await Promise.all([worker(), worker()]);
  for (const name of names.filter(isAlone)) await visit(name);
  if (failed.length > 0) throw new UserError(`failed: ${failed.join(", ")}`);
}
