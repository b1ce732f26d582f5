// The plan of the code: which parts there are, and which of them may import which. `npm run check` compares it with the files.

/**
 * @typedef {object} Part
 * @property {string} folder from the project's root; "" for the root itself
 * @property {"rust" | "script"} language
 * @property {Record<string, string[]>} [rooms] folders and files in `folder`, each with those that it may import. Without it, any import
 *   is allowed that makes no circle
 */

/** @type {Part[]} */
export const PARTS = [
  {
    folder: "",
    language: "script",
    rooms: {
      __test__: ["harness"],
      scripts: ["harness", "bench", "examples"],
      bench: ["harness"],
      examples: ["harness"],
      harness: [],
      "provider/src": [],
      "index.js": [],
      "index.d.ts": [],
    },
  },
  {
    folder: "src",
    language: "rust",
    rooms: { "lib.rs": [], binding: ["lane", "net", "sys"], lane: ["net", "sys"], net: [], sys: [] },
  },
  { folder: "crates/lock-core/src", language: "rust" },
  { folder: "crates/lock-model/src", language: "rust" },
  { folder: "crates/lock-sim/src", language: "rust" },
  { folder: "crates/server-model/src", language: "rust" },
];

/** Folders with circles that are known, and are to be untied. One without a circle must leave this list. */
export const KNOWN_CIRCLES = [
  "crates/lock-core/src/calls",
  "crates/lock-core/src/lease",
  "crates/lock-core/src/router",
  "crates/lock-model/src",
  "crates/lock-sim/src",
  "crates/server-model/src/verbs",
];
