// The plan of the code: its parts, and the parts that each of them may import. `npm run check` compares the plan with the files.

/**
 * @typedef {object} Part
 * @property {string} folder from the project's root; "" for the root itself
 * @property {"rust" | "script"} language
 * @property {Record<string, string[]>} [rooms] folders and files in `folder`, each with the ones that it may import. Without rooms, every
 *   import that makes no circle is allowed
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
      packages: [],
      "index.js": [],
      "index.d.ts": [],
      "client.js": [],
      "client.d.ts": [],
    },
  },
  {
    folder: "provider/src",
    language: "script",
    rooms: {
      "index.ts": ["medusa", "inspect", "options", "client"],
      medusa: ["inspect", "options", "telemetry", "client"],
      cli: ["inspect", "standalone", "medusa", "options", "client"],
      standalone: ["inspect", "options", "telemetry", "client"],
      telemetry: ["client"],
      options: ["client"],
      inspect: ["client"],
      client: [],
    },
  },
  {
    folder: "packages/medusa-plugin-locks/src",
    language: "script",
    rooms: { api: ["lib"], lib: [], "admin/routes": ["admin/lib"], "admin/lib": [] },
  },
  {
    folder: "src",
    language: "rust",
    rooms: { "lib.rs": [], binding: ["lane", "net", "sys"], lane: ["net", "sys"], net: [], sys: [] },
  },
  {
    folder: "crates/lock-core/src",
    language: "rust",
    rooms: lockCore({
      "engine.rs": ["notices.rs", "router", "client", "census"],
      "notices.rs": ["router"],
      router: ["client", "calls"],
      client: ["connection", "calls", "waiters", "outbox.rs", "cohort.rs", "poll_lines.rs", "official_callers.rs", "commands"],
      connection: ["commands"],
      calls: ["commands"],
      waiters: [],
      "outbox.rs": [],
      "cohort.rs": ["commands"],
      "poll_lines.rs": [],
      "official_callers.rs": [],
      commands: [],
      census: [],
    }),
  },
  { folder: "crates/lock-model/src", language: "rust" },
  { folder: "crates/lock-sim/src", language: "rust" },
  { folder: "crates/server-model/src", language: "rust" },
];

/**
 * Packages that only one folder of a part may import, types included.
 *
 * @type {{ scope: string, within: string, only: string }[]}
 */
export const CONFINED_PACKAGES = [
  { scope: "@medusajs/", within: "provider/src", only: "provider/src/medusa" },
  { scope: "@opentelemetry/", within: "provider/src", only: "provider/src/telemetry" },
];

/** Folders with circles that are known and shall be removed. A folder without a circle must leave this list. */
export const KNOWN_CIRCLES = ["crates/lock-sim/src"];

/** Adds to each room of lock-core the modules that all rooms may import: modules that know nothing about a connection or a call. */
function lockCore(rooms) {
  const words = {
    resp: ["secrets.rs"],
    "secrets.rs": [],
    "error.rs": [],
    "time.rs": [],
    "ids.rs": [],
    "key.rs": [],
    "mode.rs": [],
    "script.rs": [],
    "slot_set.rs": [],
    "present.rs": [],
    "node_address.rs": [],
    "call_id.rs": [],
    "backoff.rs": [],
    "config.rs": ["backoff.rs", "node_address.rs", "secrets.rs"],
    "requests.rs": ["error.rs", "ids.rs", "key.rs", "mode.rs", "time.rs"],
    "timers.rs": ["call_id.rs", "time.rs"],
    "effects.rs": ["requests.rs", "time.rs", "timers.rs"],
    lease: ["ids.rs", "key.rs", "present.rs", "requests.rs", "resp", "script.rs", "time.rs"],
  };
  const all = Object.keys(words);
  const above = Object.entries(rooms).map(([room, may]) => [room, [...may, ...all]]);
  return { "lib.rs": [...Object.keys(rooms), ...all], ...Object.fromEntries(above), ...words };
}
