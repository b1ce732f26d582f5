// `watch` looks again and again. It outlives the end of a server, and ends with its reader or by a signal.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { findOnPath } from "../../harness/process.mjs";
import { startServer } from "../../harness/redis-servers.mjs";
import { SIGNALS } from "../../harness/system.mjs";
import { NS, openTestbed, until } from "../support/testbed.mjs";
import { COMMAND, compiled, start } from "./support.mjs";

const bed = openTestbed();

function watching(server, more = []) {
  return start(["watch", "--url", server.url ?? server, "--every", "0.1", ...more]);
}

test("it prints the list again and again, and SIGINT, SIGTERM and SIGQUIT end it with 0", async () => {
  for (const signal of ["SIGINT", "SIGTERM", ...(process.platform === "win32" ? [] : ["SIGQUIT"])]) {
    const watch = watching(bed.url);
    await watch.prints(/^\d\d:\d\d:\d\d {2}0 locks; 0 instances answered\.\n\nNo locks\.\n\(asked: [^\n]+\)\n\n/);
    await bed.command("SET", `${NS}k`, "me", "PX", "60000");
    await watch.prints(/\nk +owner me .*\n/);
    await bed.command("DEL", `${NS}k`);
    watch.kill(signal);
    assert.deepEqual(await watch.closed, [0, null]);
    assert.equal(watch.stderr, "");
  }
});

test("with --json each look is a line", async () => {
  const watch = watching(bed.url, ["--json"]);
  await watch.prints(/\n.*\n/);
  watch.kill("SIGINT");
  assert.deepEqual(await watch.closed, [0, null]);
  for (const line of watch.stdout.trimEnd().split("\n")) {
    const { at, trouble, locks } = JSON.parse(line);
    assert.ok(Date.parse(at) > 0);
    assert.deepEqual([trouble, locks], [null, []]);
  }
});

test("it goes on while Redis is away, says so, and shows the list again afterwards", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  await server.cli("SET", `${NS}k`, "me", "PX", "600000");
  const watch = watching(server);
  await watch.prints(/\nk +owner me /);
  await server.kill();
  await watch.prints(/Redis has not answered for [^\n]+\nWhat was known before:\n\nKEY[^\n]*\nk +owner me /);
  await server.restart();
  await until("it is back", () => /0 locks; 0 instances answered\.\n\nNo locks\.\n\(asked: [^\n]+\)\n\n$/.test(watch.stdout));
  watch.kill("SIGINT");
  assert.deepEqual(await watch.closed, [0, null]);
  assert.equal(watch.stderr, "");
});

test("SIGINT ends it at once while a server hangs", SIGNALS, async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const watch = watching(server);
  await watch.prints(/No locks/);
  await server.kill("SIGSTOP");
  try {
    watch.kill("SIGINT");
    assert.deepEqual(await watch.closed, [0, null]);
  } finally {
    await server.kill("SIGCONT");
  }
});

/** Runs a command whose reader closes the pipe at once. */
async function withoutReader(args) {
  const child = spawn(process.execPath, [COMMAND, ...args, "--url", bed.url], { stdio: ["ignore", "pipe", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  child.stdout.destroy();
  const [code, signal] = await once(child, "close");
  return [code, signal, stderr];
}

test("a pipe that closes ends the commands that only show something quietly", async () => {
  await bed.command("SET", `${NS}k`, "me", "PX", "60000");
  for (const args of [["watch", "--every", "0.1"], ["list"], ["top"], ["show", "k"]])
    assert.deepEqual(await withoutReader(args), [0, null, ""], args.join(" "));
});

test("a pipe that closes neither stops what release and the doctor do nor changes their exit codes", async () => {
  await bed.command("SET", `${NS}k`, "me", "PX", "60000");
  assert.deepEqual(await withoutReader(["release", "k", "--yes"]), [0, null, ""]);
  assert.equal(await bed.owner(`${NS}k`), null);
  const [code, , stderr] = await withoutReader(["release", "k", "--yes"]);
  assert.equal(code, 1);
  assert.match(stderr, /nobody holds "k"/);
  // The server of the tests persists nothing, so the doctor warns.
  assert.deepEqual(await withoutReader(["doctor"]), [1, null, ""]);
});

const SCRIPT = { skip: !findOnPath("script") && "there is no program to make a terminal" };

/** Runs a command at a terminal of this size, and returns its output. */
function atTerminal(columns, rows, command, more = "") {
  const line = `stty cols ${columns} rows ${rows}; ${more} ${command}`;
  return spawnSync("script", ["-qec", line, "/dev/null"], {
    encoding: "utf8",
    input: "",
    env: { ...process.env, TERM: "xterm", NO_COLOR: "" },
  }).stdout;
}

test("at a terminal it takes another screen, and gives the old one and the cursor back", SCRIPT, () => {
  for (const signal of ["INT", "QUIT"]) {
    const command = `timeout -s ${signal} 1 ${process.execPath} ${COMMAND} watch --url ${bed.url}`;
    const written = atTerminal(80, 24, command);
    assert.ok(written.includes("\u001b[?1049h\u001b[?25l\u001b[H"), JSON.stringify(written));
    assert.match(written, /No locks\./);
    assert.ok(written.trimEnd().endsWith("\u001b[?25h\u001b[?1049l"), JSON.stringify(written));
  }
});

test("a terminal without width counts as 80 columns", SCRIPT, async () => {
  await bed.command("SET", `${NS}${"long".repeat(50)}`, "me", "PX", "60000");
  const written = atTerminal(0, 0, `${process.execPath} ${COMMAND} list --url ${bed.url}`);
  assert.match(written, /^long[^\n]*…/m);
  for (const row of written.split(/\r?\n/)) assert.ok([...row].length <= 80, row);
});

test("colours only at a terminal, and not with NO_COLOR", SCRIPT, () => {
  const command = `${process.execPath} ${COMMAND} doctor --url redis://127.0.0.1:1`;
  assert.ok(atTerminal(80, 24, command).includes("\u001b[31mproblem"));
  assert.ok(!atTerminal(80, 24, command, "NO_COLOR=1").includes("\u001b["));
});

test("at a terminal release asks, and only yes releases", SCRIPT, async () => {
  for (const [answer, code, owner] of [
    ["n\n", 1, "me"],
    ["\n", 1, "me"],
    ["y\n", 0, null],
  ]) {
    await bed.command("SET", `${NS}k`, "me", "PX", "60000");
    const line = `${process.execPath} ${COMMAND} release k --url ${bed.url}; echo code $?`;
    const child = spawn("script", ["-qec", line, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
    let written = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      written += text;
    });
    await until("it asks", () => written.includes('Take "k" away from its holder? [y/N] '));
    child.stdin.write(answer);
    await until("it has ended", () => /code \d/.test(written));
    child.stdin.end();
    await once(child, "close");
    assert.match(written, new RegExp(`code ${code}`));
    assert.equal(await bed.owner(`${NS}k`), owner);
  }
});

test("a look that lasts is followed by a pause of ten times its length", () => {
  const { pauseAfter } = compiled("cli/watch");
  assert.equal(pauseAfter(1_800, 1_000), 18_000);
  assert.equal(pauseAfter(20, 1_000), 1_000);
  assert.equal(pauseAfter(310, 60_000), 60_000);
});
