// Makes the same calls on the official provider and on ours, each in a namespace of its own on one server. Compares their results, and the
// contents of Redis after every call.

import assert from "node:assert/strict";
import { inspect } from "node:util";
import { OFFICIAL, TESTING_OFFICIAL, UNDER_TEST } from "../../harness/installed.mjs";
import { improvementFor } from "./improvements.mjs";

/** The greatest allowed difference in the time left of a lock, because the two sides are not read at the same instant. */
const TTL_TOLERANCE_MS = 900;

const SIDES = { official: "official:", ours: "ours:" };

/**
 * @param {object} bed the result of `openTestbed`
 * @returns {Promise<SideBySide>}
 */
export async function openSideBySide(bed) {
  const official = await bed.boot({ namespace: SIDES.official }, { resolve: OFFICIAL });
  const ours = await bed.boot({ namespace: SIDES.ours }, { resolve: UNDER_TEST });
  return new SideBySide(bed, { official: official.locking, ours: ours.locking });
}

class SideBySide {
  #bed;
  #locking;

  /** The ids of the improvements that were met so far. */
  met = new Set();

  constructor(bed, locking) {
    this.#bed = bed;
    this.#locking = locking;
  }

  /**
   * Makes one call on both, and asserts that the results are the same or that ours differs as listed.
   *
   * @param {object} step `{ method, keys?, args?, job? }`
   * @returns {Promise<object>} the owners afterwards, by key without namespace
   */
  async step(step) {
    const before = owners(await this.contents("ours"));
    const sides = [this.#locking.official, this.#locking.ours];
    const [official, ours] = await Promise.all(sides.map((locking) => call(locking, step)));
    const [theirs, mine] = [await this.contents("official"), await this.contents("ours")];
    const context = `${inspect(step, { depth: 5 })}\nbefore: ${inspect(before)}\nofficial: ${official.text}, ${inspect(theirs)}\nours: ${ours.text}, ${inspect(mine)}`;
    const improvement = TESTING_OFFICIAL ? undefined : improvementFor(step, before);
    try {
      if (improvement) {
        this.met.add(improvement.id);
        improvement.ours({ step, official, ours, before, after: owners(mine) });
        // From here on the two sides would hold different locks.
        await this.clear();
        return {};
      }
      assert.equal(ours.text, official.text);
      compareContents(mine, theirs);
    } catch (error) {
      const what = improvement ? `improvement ${improvement.id}` : "official and ours differ";
      throw new Error(`${what}: ${error.message}\n${context}`, { cause: error });
    }
    return owners(mine);
  }

  /** The locks of one side, by key without namespace: `{ owner, pttl }`. */
  async contents(side) {
    const prefix = SIDES[side];
    const found = {};
    for (const { name, value, pttl } of await this.#bed.locks()) {
      if (name.startsWith(prefix)) found[name.slice(prefix.length)] = { owner: value, pttl };
    }
    return found;
  }

  /** Empties Redis, including the side keys. */
  async clear() {
    await this.#bed.command("FLUSHALL");
  }
}

/** Whether a sequence took so long that a short lock may have expired between the two sides. */
export function tooSlow(startedAt) {
  return performance.now() - startedAt > 500;
}

async function call(locking, { method, keys, args, job = async () => "result" }) {
  const parameters = { acquire: [keys, args], release: [keys, args], releaseAll: [args], execute: [keys, job, args] }[method];
  try {
    const value = await locking[method](...parameters);
    return { value, text: `gives ${inspect(value)}` };
  } catch (error) {
    const what = error?.__isMedusaError ? `MedusaError ${error.type}` : error?.constructor?.name;
    // Half a character has no UTF-8. If the message has passed Redis' protocol, U+FFFD stands in its place.
    return { error, text: `throws ${what}: ${(error?.message ?? inspect(error)).toWellFormed()}` };
  }
}

/** Owners by key. The owner of an execute is a new one each time, so its id is left out. */
function owners(contents) {
  return Object.fromEntries(
    Object.entries(contents).map(([key, { owner }]) => [key, owner.replace(/^(execute:)[-0-9a-f]{36}$/, "$1<uuid>")]),
  );
}

function compareContents(mine, theirs) {
  assert.deepEqual(owners(mine), owners(theirs));
  for (const [key, { pttl }] of Object.entries(mine)) {
    const other = theirs[key].pttl;
    assert.equal(pttl === -1, other === -1, `${key}: one has a time limit (${pttl}), the other has not (${other})`);
    assert.ok(Math.abs(pttl - other) <= TTL_TOLERANCE_MS, `${key}: ${pttl} ms left, official ${other} ms`);
  }
}
