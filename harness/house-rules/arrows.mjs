// Arrows between files ("this file imports that file"), the circles among them, and the arrows that lead up instead of down.

/**
 * Arrows by file, both ends as paths from the project's root with `/`.
 *
 * @typedef {Map<string, Set<string>>} Arrows
 */

/**
 * Finds the circles: groups of files in which every file can be reached from every other file.
 *
 * @param {Arrows} arrows
 * @returns {string[][]} per group a shortest way round; the first file is also the last
 */
export function circles(arrows) {
  return groups(arrows)
    .filter((group) => group.length > 1)
    .map((group) => wayRound(arrows, new Set(group), group.sort()[0]));
}

/** Tarjan's algorithm for strongly connected components. It recurses to the depth of the imports, which is fine for a few hundred files. */
function groups(arrows) {
  const [index, low, stack, found] = [new Map(), new Map(), [], []];
  const visit = (file) => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    stack.push(file);
    for (const next of arrows.get(file) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file), low.get(next)));
    }
    if (low.get(file) === index.get(file)) found.push(stack.splice(stack.indexOf(file)));
  };
  for (const file of arrows.keys()) if (!index.has(file)) visit(file);
  return found;
}

function wayRound(arrows, group, start) {
  const cameFrom = new Map();
  const queue = [start];
  for (const file of queue) {
    for (const next of arrows.get(file) ?? []) {
      if (next === start) {
        const way = [start];
        for (let at = file; at !== start; at = cameFrom.get(at)) way.unshift(at);
        return [start, ...way];
      }
      if (group.has(next) && !cameFrom.has(next)) {
        cameFrom.set(next, file);
        queue.push(next);
      }
    }
  }
  throw new Error(`${start} is in no circle`);
}

/**
 * Checks arrows against a plan of rooms.
 *
 * @param {Arrows} arrows
 * @param {string} folder the folder with the rooms, from the root; "" for the root itself
 * @param {Record<string, string[]>} rooms for each room (a folder or a file in `folder`) the rooms that it may import
 * @returns {string[]} a line for each arrow that the plan does not allow, and for each file that is in no room
 */
export function arrowsUpwards(arrows, folder, rooms) {
  const prefix = folder === "" ? "" : `${folder}/`;
  const roomOf = (file) => Object.keys(rooms).find((room) => file === prefix + room || file.startsWith(`${prefix + room}/`));
  const troubles = [];
  for (const [from, targets] of arrows) {
    const room = roomOf(from);
    if (room === undefined) troubles.push(`${from} is in no room of ${folder || "the project"}`);
    for (const to of room === undefined ? [] : targets) {
      const other = roomOf(to);
      if (other === room || other === undefined || rooms[room].includes(other)) continue;
      const allowed = rooms[room].length > 0 ? `may import ${rooms[room].join(", ")}` : "may import no other room";
      troubles.push(`${from} imports ${to}: ${room} ${allowed}`);
    }
  }
  return troubles;
}
