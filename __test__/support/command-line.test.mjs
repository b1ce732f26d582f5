import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { readCommandLine } from "../../harness/command-line.mjs";
import { ROOT } from "../../harness/paths.mjs";
import { run, UsageAsked } from "../../harness/process.mjs";

const COMMAND = {
  usage: "usage: npm run cook -- [--hot] [--minutes N] [--only a,b] [dish ...]",
  flags: {
    hot: { kind: "switch" },
    minutes: { kind: "number", range: [1, 60], default: 5 },
    only: { kind: "names", known: ["salt", "oil"], default: ["salt", "oil"] },
    note: { kind: "text" },
  },
  names: ["soup", "rice"],
};
const HINT = "(npm run cook -- --help lists what there is)";

test("flags that are not given have their defaults", () => {
  const read = readCommandLine(COMMAND, []);
  assert.deepEqual(read, { hot: false, minutes: 5, only: ["salt", "oil"], note: undefined, names: [] });
});

test("flags and names are read in any order, with = or without", () => {
  const read = readCommandLine(COMMAND, ["rice", "--minutes=7", "--only", "oil,salt", "--hot", "soup", "--note", "x,y", "soup"]);
  assert.deepEqual(read, { hot: true, minutes: 7, only: ["salt", "oil"], note: "x,y", names: ["soup", "rice"] });
});

const WRONG = [
  [["--cold"], `Unknown option '--cold' ${HINT}`],
  [["-c"], `Unknown option '-c' ${HINT}`],
  [["--minutes"], `Option '--minutes <value>' argument missing ${HINT}`],
  [["--minutes", "--hot"], `Option '--minutes' argument is ambiguous ${HINT}`],
  [["--hot=yes"], `Option '--hot' does not take an argument ${HINT}`],
  [["--hot", "--hot"], `--hot is given twice ${HINT}`],
  [["--minutes", "0"], '--minutes must be a whole number from 1 to 60, not "0"'],
  [["--minutes", "1e1"], '--minutes must be a whole number from 1 to 60, not "1e1"'],
  [["--minutes", ""], '--minutes must be a whole number from 1 to 60, not ""'],
  [["--only", "salt,pepper"], '--only does not know "pepper"; there are salt, oil'],
  [["cake"], `unknown argument "cake"; there are soup, rice ${HINT}`],
];
for (const [args, message] of WRONG) {
  test(`"${args.join(" ")}" is refused in one line`, () => {
    assert.throws(() => readCommandLine(COMMAND, args), { name: "UserError", message });
  });
}

test("a command without names refuses each argument that is no flag", () => {
  const message = 'unknown argument "soup"; there are only flags (npm start -- --help lists what there is)';
  assert.throws(() => readCommandLine({ usage: "usage: npm start -- [options]" }, ["soup"]), { name: "UserError", message });
});

test("--help asks for the usage text, whatever else is given", () => {
  assert.throws(() => readCommandLine(COMMAND, ["cake", "--help"]), new UsageAsked(COMMAND.usage));
});

const COMMANDS = fs
  .readdirSync(path.join(ROOT, "scripts"))
  .filter((name) => name.endsWith(".mjs") && fs.readFileSync(path.join(ROOT, "scripts", name), "utf8").includes("await runMain("))
  .map((name) => `scripts/${name}`)
  .concat("bench/safety.mjs");

for (const command of COMMANDS) {
  test(`${command} refuses an unknown flag in one line, and tells its usage`, async () => {
    const wrong = await run(process.execPath, [path.join(ROOT, command), "--no-such-flag"]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /^error: Unknown option '--no-such-flag' \(.* --help lists what there is\)\n$/);
    assert.equal(wrong.stdout, "");
    const help = await run(process.execPath, [path.join(ROOT, command), "--help"]);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /^usage: /);
  });
}
