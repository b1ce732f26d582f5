// Checks the records of a history's processes.
//
// A hold is proven from `from` to `to` (see worker.mjs): it was held without a break in between. If two proven times of one key overlap,
// the key had two holders at the same time. In the order of the holds' beginnings, the tokens of a key must rise. Both checks use proofs
// only, so a process that was stopped or killed cannot make a sound history look wrong.

/** How long a process on a busy machine may take to prove a hold whose reply has arrived. */
const TOLD_WITHIN_MS = 200;
/** How long a look at a lock may take. It uses its own thread and connection. */
const LOOKED_AT_ONCE_MS = 300;
/** A lock of a named owner is looked at every third of its lease, and a lease is at most three seconds here. */
const LOOKED_AT_WITHIN_MS = 1_000 + LOOKED_AT_ONCE_MS;

/**
 * @typedef {object} Hold
 * @property {number} by process id
 * @property {number} id the process' number for the hold
 * @property {string} kind the way in which it was taken
 * @property {string[]} keys
 * @property {(number | null)[]} tokens of each key; null where there is none
 * @property {number} from in ms, first proof
 * @property {number} to in ms, last proof
 * @property {string} [owner] a named owner, whose holds may overlap with one another
 * @property {number} [asked] in ms, the time at which a named owner asked for it
 * @property {boolean} lost whether the process saw its loss before its end
 */

/**
 * Reads the lines of all processes.
 *
 * @param {string[]} lines JSON, as worker.mjs writes them; the last line of a killed process may be incomplete
 * @returns {{ holds: Hold[], stranded: object[], unexpected: string[], falselyLost: object[], timedOut: object[], releases: object[] }}
 */
export function readHistory(lines) {
  const holds = new Map();
  const stranded = [];
  const unexpected = [];
  const falselyLost = [];
  const timedOut = [];
  const releases = [];
  for (const line of lines) {
    let record;
    try {
      record = JSON.parse(line);
    } catch {
      continue;
    }
    const { start } = record;
    const later = record.still ?? record.end;
    if (start) {
      holds.set(`${start.by}/${start.id}`, { ...start, to: start.from, lost: false });
    } else if (later) {
      const hold = holds.get(`${later.by}/${later.id}`);
      hold.to = later.to;
      hold.lost = later.lost !== undefined;
    } else if (record.stranded) {
      stranded.push(record.stranded);
    } else if (record.unexpected) {
      unexpected.push(record.unexpected);
    } else if (record.falselyLost) {
      falselyLost.push(record.falselyLost);
    } else if (record.timedOut) {
      timedOut.push(record.timedOut);
    } else if (record.released) {
      releases.push(record.released);
    }
  }
  return { holds: [...holds.values()], stranded, unexpected, falselyLost, timedOut, releases };
}

/**
 * @param {Hold[]} holds
 * @param {object} [rules]
 * @param {{ from: number, to: number, token?: number }[]} [rules.dataLost] the times at which the server lost data: after such a time a
 *   hold from before it excludes nobody, as long as its lease goes on. `token`: all later tokens are at least this
 * @param {number} [rules.leaseMs] length of the leases
 * @param {{ by: number, owner: string, keys: string[], from: number, to: number, isAll?: boolean }[]} [rules.releases] the releases by an
 *   owner's name, `isAll` by releaseAll: the lock objects of that owner in other processes notice a release at their next look, and prove
 *   nothing until then
 * @returns {{ violations: string[], permitted: number }} the violations, and the number of overlaps that a loss of data explains and of
 *   holds that a release elsewhere explains
 */
export function checkHolds(holds, { dataLost = [], leaseMs = 0, releases = [] } = {}) {
  const violations = [];
  let permitted = 0;
  const given = releases.length > 0 ? new Releases(releases) : undefined;
  for (const [key, all] of byKey(holds)) {
    const ofKey = given ? all.map((hold) => given.proven(hold, key)).filter(Boolean) : all;
    permitted += all.length - ofKey.length;
    ofKey.sort((one, other) => one.from - other.from);
    let last;
    let highest;
    for (const hold of ofKey) {
      if (last && hold.from < last.to && !sameOwner(last, hold)) {
        const rival = last;
        const isLoss = (loss) => explains(loss, rival, hold, key, leaseMs) || explains(loss, hold, rival, key, leaseMs);
        if (dataLost.some(isLoss)) permitted += 1;
        else violations.push(`two holders of "${key}": ${shown(last, key)} and ${shown(hold, key)}`);
      }
      if (!last || hold.to > last.to) last = hold;
      const token = tokenOf(hold, key);
      if (token === null || token === undefined) continue;
      const least = highest && tokenOf(highest, key) + (sameOwner(highest, hold) ? 0 : 1);
      if (highest && token < least && dataLost.some((loss) => explains(loss, hold, highest, key, leaseMs))) {
        permitted += 1;
      } else if (highest && token < least) {
        violations.push(`the token of "${key}" did not rise: ${shown(highest, key)} and then ${shown(hold, key)}`);
      } else {
        highest = hold;
      }
    }
  }
  return { violations, permitted };
}

/**
 * @param {ReturnType<typeof readHistory>} history
 * @param {object} phase
 * @param {boolean} [phase.honest] nobody may be told wrongly that a lock is lost
 * @param {boolean} [phase.mayTimeOut] a call may wait in vain for its whole time
 * @returns {string[]} a line for each call that had no answer, or one that it should not have had
 */
export function checkAnswers({ stranded, unexpected, falselyLost, timedOut }, { honest, mayTimeOut }) {
  const wrong = unexpected.map((text) => `unexpected: ${text}`);
  for (const { by, at, keys } of honest ? falselyLost : []) {
    wrong.push(`a job of process ${by} on "${keys}" ended inside its lease and was told at ${at} ms that its lock is lost`);
  }
  for (const { by, began, keys, cause } of mayTimeOut ? [] : timedOut) {
    wrong.push(`a call of process ${by} for "${keys}" from ${began} ms timed out after 20 s: ${cause}`);
  }
  for (const { by, began, at } of stranded) wrong.push(`a call of process ${by} from ${began} ms was not settled at ${at} ms`);
  return wrong;
}

/**
 * @param {{ name: string, pttl: number }[]} contents the contents of Redis when all processes are done and all leases are over
 * @param {string} namespace
 * @returns {string[]} a line for each key that should not be there
 */
export function checkLeftOver(contents, namespace) {
  const wrong = [];
  for (const { name, pttl } of contents) {
    if (name.startsWith(namespace)) wrong.push(`"${name}" is locked and nobody holds it (PTTL ${pttl})`);
    else if (!/^mlr!\{[0-9a-z]*\}f$/.test(name) && pttl < 0) wrong.push(`"${name}" stays for ever`);
  }
  return wrong;
}

/** Releases by an owner's name that a lock object of that owner may not have noticed yet. */
class Releases {
  #of = new Map();

  constructor(releases) {
    for (const release of [...releases].sort((one, other) => one.from - other.from)) {
      for (const key of release.keys) {
        const name = `${release.owner} ${key}`;
        if (!this.#of.has(name)) this.#of.set(name, []);
        this.#of.get(name).push(release);
      }
    }
  }

  /**
   * The proven part of the hold. Three kinds of releases end the proof. The lock object notices a release by another process only at its
   * next look. A release by the same process may overtake the reply to the acquire; the addon then looks as soon as the reply arrives. A
   * releaseAll looks for locks and gives them back in steps, so it may also give back a lock that is asked for while it runs. Returns
   * undefined if nothing is proven.
   */
  proven(hold, key) {
    for (const { by, from, to, isAll } of this.#of.get(`${hold.owner} ${key}`) ?? []) {
      if (from > hold.to) break;
      const overtook = by === hold.by && hold.asked < (isAll ? to : from) && from < hold.from;
      const heardBy = overtook ? Math.max(to, hold.from) + LOOKED_AT_ONCE_MS : to + LOOKED_AT_WITHIN_MS;
      if ((by === hold.by && !overtook) || to < hold.asked || hold.to > heardBy) continue;
      return from < hold.from ? undefined : { ...hold, to: from };
    }
    return hold;
  }
}

function byKey(holds) {
  const keys = new Map();
  for (const hold of holds) {
    for (const key of hold.keys) {
      if (!keys.has(key)) keys.set(key, []);
      keys.get(key).push(hold);
    }
  }
  return keys;
}

/**
 * Whether a loss of data explains an overlap: one hold was taken before the loss, the other after it, and the first ended within a lease of
 * the loss. A process that took a lock shortly before the loss may get its reply, and prove the hold, only after the loss. If the process
 * stood still meanwhile this takes long, and the token tells that the lock was taken before.
 */
function explains(loss, earlier, later, key, leaseMs) {
  const isFromBefore = (hold) => typeof tokenOf(hold, key) === "number" && tokenOf(hold, key) < (loss.token ?? 0);
  if (isFromBefore(later) || later.from <= loss.from || earlier.to > loss.to + leaseMs) return false;
  return isFromBefore(earlier) || earlier.from < loss.to + TOLD_WITHIN_MS;
}

/** Several acquires of one owner are one hold with one token. */
function sameOwner(one, other) {
  return one.owner !== undefined && one.owner === other.owner;
}

function tokenOf(hold, key) {
  return hold.tokens[hold.keys.indexOf(key)];
}

function shown(hold, key) {
  const { by, id, kind, from, to } = hold;
  return `${kind} ${id} of process ${by} (${from.toFixed(3)} to ${to.toFixed(3)} ms, token ${tokenOf(hold, key)})`;
}
