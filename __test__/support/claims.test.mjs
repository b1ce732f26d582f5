// The house rules about documents: figures and promises have a command, and commands can be typed.

import assert from "node:assert/strict";
import test from "node:test";
import { claimBreaches } from "../../harness/house-rules/claims.mjs";
import { commandBreaches } from "../../harness/house-rules/commands.mjs";
import { projectOf } from "./project.mjs";

const claimsIn = (t, files, notMeasured = {}) => claimBreaches(projectOf(t, files), Object.keys(files), notMeasured);

const FIGURES = {
  "a time": ["It takes 168 us.", "168 us"],
  "a time in seconds": ["It takes 2 s, mostly.", "2 s"],
  "a share": ["They get 26 to 58 % of it.", "26 to 58 %"],
  "a ratio": ["It is 4.6 times the rate.", "4.6 times"],
  "a rate": ["It does 36,000 jobs a second.", "36,000 jobs a second"],
  memory: ["Each costs 2.4 KB.", "2.4 KB"],
  "a count of runs": ["Medians of 3 rounds.", "3 rounds"],
  "a large number in a table": ["| what | states |\n|---|---|\n| all | 7,659,760 |", "7,659,760"],
  "a number in words": ["It ran a hundred million steps.", "hundred million"],
};
for (const [what, [text, figure]] of Object.entries(FIGURES)) {
  test(`${what} in a section without a command is found`, (t) => {
    assert.deepEqual(claimsIn(t, { "docs/A.md": `# A\n\n## Speed\n\n${text}\n` }), [
      `docs/A.md, "Speed", has the figure "${figure}" and no command that repeats it`,
    ]);
  });
}

const COMMANDS = [
  "`npm run bench -- --only hot` measures it.",
  "```\nnode --test __test__/a.test.mjs  # this\n```",
  "`MLR_SERVERS=$(node scripts/servers.mjs) cargo test -p core`",
];
for (const command of COMMANDS) {
  test(`a figure is repeated by ${command.replaceAll("\n", " ")}`, (t) => {
    assert.deepEqual(claimsIn(t, { "README.md": `## Speed\n\n168 us.\n\n### More\n\n${command}\n` }), []);
  });
}

test("to install, to look at locks, and a command in another section are no evidence", (t) => {
  const text = "## One\n\n168 us: `npm install it`, `npx it list`, `npm ls`\n\n## Two\n\n`npm test`\n";
  assert.deepEqual(claimsIn(t, { "README.md": text }), ['README.md, "One", has the figure "168 us" and no command that repeats it']);
});

test("the text before the first section is looked at, too, and other documents are not", (t) => {
  const files = { "docs/A.md": "# A\n\n168 us.\n", "bench/README.md": "168 us.\n", "CHANGELOG.md": "168 us.\n" };
  assert.deepEqual(claimsIn(t, files), ['docs/A.md, at its beginning, has the figure "168 us" and no command that repeats it']);
});

test("a link leads to a page or a section with a command, or it does not help", (t) => {
  const files = {
    "README.md":
      "## Page\n\n1 us, [how](docs/B.md)\n\n## Section\n\n2 us, [how](docs/B.md#with)\n\n## Neither\n\n3 us, [how](docs/B.md#without)\n",
    "docs/B.md": "## With\n\n`npm test`\n\n## Without\n\n[with](#with)\n",
  };
  assert.deepEqual(claimsIn(t, files), ['README.md, "Neither", has the figure "3 us" and no command that repeats it']);
});

test("tables of options, code, versions, dates and addresses have no figures", (t) => {
  const text =
    "## One\n\n| option | default |\n|---|---|\n| `a` | 5 s |\n\n`sleep 10 s`, [there](https://example.com/a_3_s), Node.js 20, 2026-11-27, x64\n\n```\n4 s\n```\n";
  assert.deepEqual(claimsIn(t, { "README.md": text }), []);
});

test("a page or a section may be excused with a reason, for as long as it needs that", (t) => {
  const files = { "docs/A.md": "## One\n\n1 us\n\n## Two\n\n2 us\n", "docs/B.md": "## Three\n\n3 us\n" };
  const reasons = { "docs/A.md#One": "a constant", "docs/B.md": "constants", "docs/C.md": "constants" };
  assert.deepEqual(claimsIn(t, files, reasons), [
    'docs/A.md, "Two", has the figure "2 us" and no command that repeats it',
    "docs/C.md has no figure without a command; take it out of NOT_MEASURED",
  ]);
});

test("a guarantee without a command is found, though it has no figure", (t) => {
  const text = "# Guarantees\n\n## One holder\n\nAlways.\n\n## In order\n\nAlways.\n\n```\nnpm test -- waiting\n```\n";
  assert.deepEqual(claimsIn(t, { "docs/GUARANTEES.md": text }), [
    'docs/GUARANTEES.md, "One holder", has a promise and no command that repeats it',
  ]);
});

test('a row of a table "shown by" that shows nothing is found', (t) => {
  const text = "| | here | shown by |\n|---|---|---|\n| one | a | `a.test.mjs` |\n| two | b | no test of ours |\n| three | c | |\n";
  assert.deepEqual(claimsIn(t, { "docs/A.md": text }), ["docs/A.md, at its beginning, has a row that names no test: three | c | |"]);
});

const KNOWN = { groups: ["waiting"], parts: ["cluster", "group:cluster"], platforms: ["x64-musl"], scenarios: ["hot"], phases: ["calm"] };
const PROJECT = {
  "package.json": '{ "scripts": { "test": "x", "bench": "x", "test:all": "x", "platforms": "x" } }',
  "shop/package.json": '{ "scripts": { "migrate": "x" } }',
  "__test__/waiting/order.test.mjs": 'test("a newcomer waits", () => {});',
  "scripts/histories.mjs": "",
  "crates/core/tests/leases.rs": "",
  "provider/src/cli/specs.ts": 'name: "list"',
};
const commandsIn = (t, text, file = "README.md") => {
  const files = { ...PROJECT, [file]: text };
  return commandBreaches(projectOf(t, files), Object.keys(files), KNOWN);
};

test("commands that name what there is are let pass", (t) => {
  const text = `\`npm test\` \`npm test -- waiting\` \`npm run test:all -- cluster group:cluster\` \`npm run -s bench -- --only hot --rounds 3\`
\`npm run platforms -- x64-musl\` \`node scripts/histories.mjs --holds 10 --only calm\` \`npm install it\` \`node --version\`
\`cargo test --profile checks -p core --test leases\` \`npx medusa-locking-redis list --json || exit 1\` \`npx medusa build\`
\`\`\`
npm test -- waiting                                                       # a group
MLR_SERVER=8.2 node --test __test__/waiting/*.test.mjs                    # files
node --test --test-name-pattern="newcomer" __test__/waiting/*.test.mjs    # a test
\`\`\``;
  assert.deepEqual(commandsIn(t, text), []);
  assert.deepEqual(commandsIn(t, "`npm run migrate`", "shop/README.md"), []);
});

const GONE = {
  "npm run nothing": 'script "nothing"',
  "npm start": 'script "start"',
  "npm run migrate": 'script "migrate"',
  "npm test -- waitin": 'groups "waitin"',
  "npm run test:all -- group:waiting": 'parts "group:waiting"',
  "npm run platforms -- amiga": 'platforms "amiga"',
  "npm run bench -- --only hot,cold": 'scenarios "cold"',
  "node scripts/histories.mjs --only stormy": 'phases "stormy"',
  "node scripts/other.mjs": "file scripts/other.mjs",
  "node --test __test__/waiting/gone.test.mjs": "file __test__/waiting/gone.test.mjs",
  "node --test __test__/gone/*.test.mjs": "file __test__/gone/*.test.mjs",
  "MLR_SERVER=8.2 node --test __test__/waiting/gone.test.mjs": "file __test__/waiting/gone.test.mjs",
  "node --test --test-name-pattern=oldcomer __test__/waiting/*.test.mjs": 'test "oldcomer"',
  "cargo test -p other": "crate other",
  "cargo test -p core --test leases --test gone": "test gone in core",
  "npx medusa-locking-redis lost": 'subcommand "lost"',
};
for (const [command, what] of Object.entries(GONE)) {
  test(`"${command}" names what there is not, and is found`, (t) => {
    const [said] = [command.replace(/^MLR_SERVER=8.2 /, "")];
    assert.deepEqual(commandsIn(t, `Type \`${command}\`.`), [`README.md says "${said}": there is no ${what}`]);
  });
}
