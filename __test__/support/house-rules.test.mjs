import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import { arrowBreaches, leftOverBreaches, packageBreaches } from "../../harness/house-rules/index.mjs";
import { tooLong } from "../../harness/house-rules/lines.mjs";
import { linkBreaches } from "../../harness/house-rules/links.mjs";
import { hiddenSubjects } from "../../harness/house-rules/prose.mjs";
import { projectOf } from "./project.mjs";

/** The breaches in a project with these files. */
function breachesOf(t, files, { folder = "src", language = "rust", rooms, known = [] } = {}) {
  const root = projectOf(t, files);
  return arrowBreaches(root, Object.keys(files), [{ folder, language, rooms }], known);
}

const LIB = { "src/lib.rs": "mod one;\nmod two;\n" };
const CIRCLE = "circle of files: src/one.rs -> src/two.rs -> src/one.rs";

const CIRCLES_IN_RUST = {
  "by use": { ...LIB, "src/one.rs": "use crate::two::Two;\npub struct One(Two);", "src/two.rs": "use super::one::{One, self as first};" },
  "by a path": { ...LIB, "src/one.rs": "pub fn one() { crate::two::two() }", "src/two.rs": "pub fn two() { super::one::one() }" },
  "by a name that the root shows on": {
    "src/lib.rs": "mod one;\nmod two;\npub(crate) use one::One;\npub use two::*;",
    "src/one.rs": "use crate::two::Two as Other;\npub(crate) struct One(Other);",
    "src/two.rs": "use crate::One;\npub struct Two(One);",
  },
  "by blocks of methods that call each other": {
    ...LIB,
    "src/one.rs": "pub struct One;\nimpl One { pub fn first(&self) { self.second() } }",
    "src/two.rs": "use super::one::One;\nimpl One { pub(super) fn second(&self) {} }",
  },
};
for (const [how, files] of Object.entries(CIRCLES_IN_RUST)) {
  test(`a circle of Rust files ${how} is a breach`, (t) => assert.deepEqual(breachesOf(t, files), [CIRCLE]));
}

test("a folder's file in a circle with one below it is a breach", (t) => {
  const files = {
    "src/lib.rs": "mod room;",
    "src/room/mod.rs": "mod one;\npub use one::One;\npub struct Room(One);",
    "src/room/one.rs": "use super::Room;\npub struct One(Box<Room>);",
  };
  assert.deepEqual(breachesOf(t, files), ["circle of files: src/room/mod.rs -> src/room/one.rs -> src/room/mod.rs"]);
});

test("names that are only shown on, tests, comments and texts make no arrow", (t) => {
  const files = {
    "src/lib.rs": "mod one;\nmod two;\npub use one::One;",
    "src/one.rs":
      'use super::two::Two;\npub struct One(Two);\n#[cfg(test)]\nmod tests {\n    use super::One;\n    const A: &str = "crate::two";\n}',
    "src/two.rs":
      "//! See [`super::one::One`].\n/* use crate::one::One; /* inner */ */\npub struct Two<'a>(&'a str, char);\nconst X: char = '\"'; // crate::one\n",
  };
  assert.deepEqual(breachesOf(t, files), []);
});

test("a circle of TypeScript files is a breach, by types alone, too", (t) => {
  const files = {
    "src/a.ts": 'import type { B } from "./b";\nexport type A = B[];',
    "src/b.ts": 'import {\n  C,\n} from "./c";\nexport type B = C;',
    "src/c/index.ts": 'export type { A as C } from "../a";',
  };
  const found = breachesOf(t, files, { language: "script" });
  assert.deepEqual(found, ["circle of files: src/a.ts -> src/b.ts -> src/c/index.ts -> src/a.ts"]);
});

test("an arrow that the plan does not have is a breach, and a file in no room", (t) => {
  const files = {
    "src/lib.rs": "mod high;\nmod low;\nmod other;",
    "src/high.rs": "use crate::low::Low;\npub struct High(Low);",
    "src/low/mod.rs": "mod inner;\npub struct Low;",
    "src/low/inner.rs": "pub fn up() { crate::high::High; }",
    "src/other.rs": "",
  };
  const rooms = { "lib.rs": [], "high.rs": ["low"], low: [] };
  assert.deepEqual(breachesOf(t, files, { rooms }), [
    "src/low/inner.rs imports src/high.rs: low may import no other room",
    "src/other.rs is in no room of src",
  ]);
});

test("a known circle is let pass, and one that is none any more must leave the list", (t) => {
  const files = CIRCLES_IN_RUST["by use"];
  assert.deepEqual(breachesOf(t, files, { known: ["src"] }), []);
  const none = { "src/lib.rs": "mod one;", "src/one.rs": "" };
  assert.deepEqual(breachesOf(t, none, { known: ["src"] }), ["src has no circle; take it out of KNOWN_CIRCLES"]);
});

test("a package that one folder may import is a breach elsewhere, by its types alone, too", (t) => {
  const files = {
    "src/shop/a.ts": 'import { Shop } from "@shop/framework/utils";',
    "src/other/b.ts": 'import type { Shop } from "@shop/framework/types";\nimport fs from "node:fs";',
    "src/c.ts": 'const shop = require("@shop/all");',
    "test/d.ts": 'import "@shop/all";',
  };
  const found = packageBreaches(projectOf(t, files), Object.keys(files), [{ scope: "@shop/", within: "src", only: "src/shop" }]);
  assert.deepEqual(found, [
    "src/other/b.ts imports @shop/framework/types: only src/shop may",
    "src/c.ts imports @shop/all: only src/shop may",
  ]);
});

const LONG = "x".repeat(160);
const LINES = [
  ["a long comment", "a.rs", `// ${LONG}`, true],
  ["a long line of code", "a.mjs", `call(${LONG});`, true],
  ["a long text between little code", "a.ts", `  reason: "${LONG}",`, false],
  ["a long text between much code", "a.ts", `${"y".repeat(61)}"${LONG}"`, true],
  ["a comment that quotes a long text", "a.ts", `// "${LONG}"`, true],
  ["a long sentence in a document", "a.md", LONG, true],
  ["a long row of a table", "a.md", `| ${LONG} |`, false],
  ["a long address", "a.md", `[here](https://example.com/${LONG})`, false],
  ["a line of 150 signs of several bytes", "a.md", "ä".repeat(150), false],
];
for (const [what, file, line, isBreach] of LINES) {
  test(`${what} is ${isBreach ? "a" : "no"} breach`, () => {
    assert.deepEqual(tooLong(file, `first\n${line}\n`), isBreach ? [`${file}:2 is longer than 150 characters`] : []);
  });
}

test("a file of code of more than 400 lines is a breach, a document is not", () => {
  assert.deepEqual(tooLong("a.rs", "\n".repeat(401)), ["a.rs has 401 lines, more than 400"]);
  assert.deepEqual(tooLong("a.rs", "\n".repeat(400)), []);
  assert.deepEqual(tooLong("a.md", "\n".repeat(401)), []);
});

test("a link of a document to a file or a heading that is not there is a breach", (t) => {
  const files = {
    "README.md":
      "# Top\n[a](docs/A.md) [b](docs/A.md#two-words) [c](#top) [d](https://example.com/x) ![e](docs/e.png)\n```\n[f](none.md)\n```\n",
    "docs/A.md": "## Two `words`!\n[up](../README.md) [gone](B.md) [no heading](#three)\n",
    "docs/e.png": "",
  };
  const root = projectOf(t, files);
  assert.deepEqual(linkBreaches(root, Object.keys(files)), [
    "docs/A.md links to B.md, which is not there",
    "docs/A.md links to #three, which is not there",
  ]);
});

test("a file that .gitignore names and that is committed all the same is a breach", async (t) => {
  const cwd = projectOf(t, { ".gitignore": "*.log\n", "kept.txt": "", "profile.log": "", "not-committed.log": "" });
  execFileSync("git", ["init", "--quiet"], { cwd });
  execFileSync("git", ["add", "--force", ".gitignore", "kept.txt", "profile.log"], { cwd });
  assert.deepEqual(await leftOverBreaches(cwd), ["profile.log is committed although .gitignore names it"]);
});

const SENTENCES = [
  ["a comment that begins with what", "a.rs", "/// What one process has said.", true],
  ["one that begins with who, behind another sentence", "a.mjs", "// It ends. Whoever waits\n// is told.", true],
  ["one that begins with of", "a.lua", "-- Of a dead client nothing is left.", true],
  ["the description of a parameter", "a.ts", " * @param {string} by What took it.", true],
  ["a comment behind code", "a.rs", ["let one = 1; /", "/ What comes first."].join(""), true],
  ["a point of a list in a document", "a.md", "- One.\n- **What moves** is a call.", true],
  ["a test's name in JavaScript", "a.test.mjs", 'test(\n  "what is lost", () => {});', true],
  ["a test's name in Rust", "a.rs", "#[test]\nfn whoever_waits_is_served() {}", true],
  ["another function's name", "a.rs", "fn of_key() {}", false],
  ["a question", "a.rs", "/// Who holds the key, and who waits?", false],
  ["the word inside of a sentence", "a.rs", "/// The caller says what it is for, and who asks.\n// It is one of many.", false],
  ["code that begins so", "a.rs", "let what = Of::from(1);", false],
  ["a heading and a row of a table", "a.md", "## What never happens\n\n| What | Why |\n|---|---|", false],
  ["a block of code in a document", "a.md", "```\nWhat a program prints.\n```", false],
];
for (const [what, file, text, isBreach] of SENTENCES) {
  test(`${what} ${isBreach ? "hides its subject" : "is let pass"}`, () =>
    assert.equal(hiddenSubjects(file, text).length, isBreach ? 1 : 0));
}
