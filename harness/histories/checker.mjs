// Checks what the processes of a history have written down.
//
// A hold is proven from `from` to `to` (see worker.mjs): it was held without a break in between. Two proven times of one key that overlap
// are two holders at once. In order of their beginnings, tokens of a key must rise. Both follow from proofs alone, so a process that was
// stopped, or killed, cannot make a sound history look wrong.

/** How long a process on a busy machine may take to prove a hold whose answer is there. */
const TOLD_WITHIN_MS = 200;
/** A look goes by a thread and a connection of its own. */
const LOOKED_AT_ONCE_MS = 300;
/** A lock of a named owner is looked at every third of its lease, of three seconds at most here. */
const LOOKED_AT_WITHIN_MS = 1_000 + LOOKED_AT_ONCE_MS;

/**
 * @typedef {object} Hold
 * @property {number} by process id
 * @property {number} id the process' number for it
 * @property {string} kind how it was taken
 * @property {string[]} keys
 * @property {(number | null)[]} tokens of each key; null where there is none
 * @property {number} from in ms, first proof
 * @property {number} to in ms, last proof
 * @property {string} [owner] a named owner, whose holds may overlap with one another
 * @property {number} [asked] in ms, when a named owner asked for it
 * @property {boolean} lost whether it was seen to be lost before its end
 */

/**
 * Reads the lines of all processes.
 *
 * @param {string[]} lines JSON, as worker.mjs writes them; the last of a killed process may be half a line
 * @returns {{ holds: Hold[], stranded: object[], unexpected: string[], falselyLost: object[], releases: object[] }}
 */
export function readHistory(lines) {
  const holds = new Map();
  const stranded = [];
  const unexpected = [];
  const falselyLost = [];
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
    } else if (record.released) {
      releases.push(record.released);
    }
  }
  return { holds: [...holds.values()], stranded, unexpected, falselyLost, releases };
}

/**
 * @param {Hold[]} holds
 * @param {object} [rules]
 * @param {{ from: number, to: number }[]} [rules.dataLost] when the server lost data: a hold from before such a moment excludes nobody
 *   after it, for as long as its lease goes on
 * @param {number} [rules.leaseMs] length of the leases
 * @param {{ by: number, owner: string, keys: string[], from: number, to: number, isAll?: boolean }[]} [rules.releases] what processes gave
 *   back by an owner's name, `isAll` by releaseAll:
 *   the locks of that owner in other processes hear of it at their next look, and prove nothing until then
 * @returns {{ violations: string[], permitted: number }} what was wrong, and how many overlaps a loss of data, and holds a release elsewhere,
 *   explains
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
        if (dataLost.some((loss) => explains(loss, last, hold, leaseMs))) permitted += 1;
        else violations.push(`two holders of "${key}": ${shown(last, key)} and ${shown(hold, key)}`);
      }
      if (!last || hold.to > last.to) last = hold;
      const token = tokenOf(hold, key);
      if (token === null || token === undefined) continue;
      const least = highest && tokenOf(highest, key) + (sameOwner(highest, hold) ? 0 : 1);
      if (highest && token < least && dataLost.some((loss) => explains(loss, hold, highest, leaseMs))) {
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
 * @param {{ name: string, pttl: number }[]} contents what is in Redis when everybody is done and every lease is over
 * @param {string} namespace
 * @returns {string[]} what should not be there
 */
export function checkLeftOver(contents, namespace) {
  const wrong = [];
  for (const { name, pttl } of contents) {
    if (name.startsWith(namespace)) wrong.push(`"${name}" is locked and nobody holds it (PTTL ${pttl})`);
    else if (!/^mlr!\{[0-9a-z]*\}f$/.test(name) && pttl < 0) wrong.push(`"${name}" stays for ever`);
  }
  return wrong;
}

/** What was given back by an owner's name while a lock object of that owner could not know of it. */
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
   * The hold as far as it is proven. A release by another process ends the proof, since the lock object notices it only at its next
   * look. So does a release by the same process before the answer to the acquire: the addon then looks as soon as the answer is there. A
   * releaseAll looks for what there is and gives it back in steps, so it may give back what is asked for while it runs, too. Undefined if
   * nothing is proven.
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
 * One hold was taken before data was lost, the other after that, and the first ended within a lease of the loss. A process that took a lock
 * just before may hear of it, and prove it, only after that.
 */
function explains(loss, earlier, later, leaseMs) {
  return earlier.from < loss.to + TOLD_WITHIN_MS && later.from > loss.from && earlier.to <= loss.to + leaseMs;
}

/** Several acquires of one owner are one hold, of one token. */
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
