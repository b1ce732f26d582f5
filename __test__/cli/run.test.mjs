// A program under a lock, and every way in which the program or the lock ends.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SIGNALS } from "../../harness/system.mjs";
import { COMMANDS, startHostileProcess, toldLock } from "../support/hostile-process.mjs";
import { NS, openTestbed, until } from "../support/testbed.mjs";
import { cli, cliJson, compiled, complainedOnce, lives, start } from "./support.mjs";

const bed = openTestbed();

function runArgs(program, { keys = ["k"], flags = [] } = {}) {
  return ["run", "--url", bed.url, ...keys.flatMap((key) => ["--lock", key]), ...flags, "--", ...program];
}

/** A program in Node.js. */
function js(text) {
  return [process.execPath, "-e", text];
}

/** Prints its process id, and runs until it is told to end. */
const WAITS = js("console.log('pid', process.pid); setInterval(() => {}, 1000)");
/** The same, but SIGTERM does not end it. */
const STUBBORN = js("process.on('SIGTERM', () => console.log('not yet')); console.log('pid', process.pid); setInterval(() => {}, 1000)");

/** On a busy machine, `run` may start its program and then stand still before it tells its guard which process to guard. */
const TOLD_MS = 500;

async function startProgram(program, options) {
  const running = start(runArgs(program, options));
  const [, pid] = await running.prints(/pid (\d+)/);
  return { running, pid: Number(pid) };
}

const owner = (key = "k") => bed.owner(`${NS}${key}`);

test("the lock is held while the program runs, and its exit code is the program's", async () => {
  const { running, pid } = await startProgram(
    js("console.log('pid', process.pid); process.stdin.on('end', () => {}); setTimeout(() => process.exit(7), 100)"),
  );
  assert.ok(pid > 0);
  assert.ok(await owner());
  assert.deepEqual(await running.closed, [7, null]);
  assert.equal(await owner(), null);
});

test("the program finds the tokens of its locks in the order of the keys", async () => {
  const print = js("console.log(process.env.LOCK_TOKEN_1, process.env.LOCK_TOKEN_2, process.env.LOCK_TOKEN, process.env.LOCK_TOKEN_3)");
  const two = await cli(runArgs(print, { keys: ["b", "a"] }));
  assert.equal(two.code, 0);
  assert.match(two.stdout, /^\d{16} \d{16} undefined undefined\n$/);
  const one = await cli(runArgs(print));
  const [first, second, only] = one.stdout.split(" ");
  assert.equal(first, only);
  assert.equal(second, "undefined");
  assert.deepEqual(await bed.locks(), []);
});

test("the program finds no token of a lock around it", async () => {
  const names = js("console.log(Object.keys(process.env).filter((name) => name.startsWith('LOCK_TOKEN')).sort().join())");
  const { stdout } = await cli(runArgs(names, { keys: ["b", "a"] }), { env: { LOCK_TOKEN: "1", LOCK_TOKEN_1: "1", LOCK_TOKEN_3: "1" } });
  assert.equal(stdout, "LOCK_TOKEN_1,LOCK_TOKEN_2\n");
});

test("a lock that another holds ends it with 124, and the program does not run", async () => {
  await bed.command("SET", `${NS}k`, "another");
  for (const wait of ["0", "0.2"]) {
    const ended = await cli(runArgs(js("console.log('ran')"), { flags: ["--wait", wait] }));
    complainedOnce(ended, /the lock for "k".*; the program did not run/);
    assert.equal(ended.code, 124);
  }
  assert.equal(await owner(), "another");
});

test("it waits for as long as --wait says", async () => {
  const { running: first } = await startProgram(WAITS);
  const second = start(runArgs(js("console.log('ran')"), { flags: ["--wait", "forever"] }));
  await until("the second waits", async () => (await bed.contents()).some(({ name }) => name.includes("}w:")));
  first.kill("SIGTERM");
  assert.deepEqual(await first.closed, [143, null]);
  await second.closed;
  assert.equal(second.stdout, "ran\n");
});

test("a signal while it waits withdraws it, and the program does not run", SIGNALS, async () => {
  const { running: first } = await startProgram(WAITS);
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ]) {
    const second = start(runArgs(js("console.log('ran')"), { flags: ["--wait", "forever"] }));
    await until("the second waits", async () => (await bed.contents()).some(({ name }) => name.includes("}w:")));
    second.kill(signal);
    assert.deepEqual(await second.closed, [code, null]);
    assert.equal(second.stdout, "");
    await until("its place in the queue is gone", async () => !(await bed.contents()).some(({ name }) => name.includes("}w:")));
  }
  first.kill("SIGTERM");
  await first.closed;
});

test("SIGINT, SIGTERM and SIGHUP are passed on to the program, and the lock is released", SIGNALS, async () => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ]) {
    const { running, pid } = await startProgram(WAITS);
    running.kill(signal);
    assert.deepEqual(await running.closed, [code, null]);
    assert.ok(!lives(pid));
    assert.equal(await owner(), null);
  }
});

test("a signal just after the program's start is passed on, and the lock is released", SIGNALS, async () => {
  // The program itself sends the signal, as early as possible.
  for (let round = 0; round < 8; round += 1) {
    const ended = await cli(runArgs(["sh", "-c", "kill -TERM $PPID; exec sleep 60"]));
    assert.deepEqual([ended.code, ended.signal], [143, null]);
    assert.equal(await owner(), null);
  }
});

test("signals while the program ends leave no lock, and its code counts", SIGNALS, async () => {
  // The signals come until `run` has ended.
  const program = ["sh", "-c", "trap '' INT; (while kill -INT $PPID; do :; done) 2>/dev/null & exit 3"];
  for (let round = 0; round < 8; round += 1) {
    const running = start(runArgs(program));
    assert.deepEqual(await running.exited, [3, null]);
    assert.equal(await owner(), null);
  }
});

test("a program that handles the signal decides what becomes of it", SIGNALS, async () => {
  const { running } = await startProgram(
    js("process.on('SIGINT', () => process.exit(3)); console.log('pid', process.pid); setInterval(() => {}, 1000)"),
  );
  running.kill("SIGINT");
  assert.deepEqual(await running.closed, [3, null]);
  assert.equal(await owner(), null);
});

test("a program that is killed by SIGKILL gives 137, and the lock is released", async () => {
  const { running, pid } = await startProgram(WAITS);
  process.kill(pid, "SIGKILL");
  assert.deepEqual(await running.closed, [137, null]);
  assert.equal(await owner(), null);
});

test("a lock that is lost ends the program by SIGTERM, and run ends with 123", async () => {
  const { running, pid } = await startProgram(WAITS, { flags: ["--expire", "1"] });
  await bed.command("DEL", `${NS}k`);
  assert.deepEqual(await running.closed, [123, null]);
  assert.match(running.stderr, /^medusa-locking-redis: Lost the lock for key\(s\) "k": .* The program is ended\.\n$/);
  assert.ok(!lives(pid));
});

test("a program that does not end by SIGTERM is killed after --grace, and the next holder's lock is left alone", async () => {
  const { running, pid } = await startProgram(STUBBORN, { flags: ["--expire", "1", "--grace", "0.3"] });
  await bed.command("SET", `${NS}k`, "another");
  assert.deepEqual(await running.closed, [123, null]);
  assert.match(running.stdout, /not yet/);
  assert.ok(!lives(pid));
  assert.equal(await owner(), "another");
});

test("kill -9 of run itself ends the program, and the lock ends with its lease", SIGNALS, async () => {
  const { running, pid } = await startProgram(STUBBORN, { flags: ["--expire", "3", "--grace", "1"] });
  await sleep(TOLD_MS);
  running.kill("SIGKILL");
  assert.deepEqual(await running.exited, [null, "SIGKILL"]);
  assert.ok(await owner());
  const { json } = await cliJson(["show", "k", "--url", bed.url]);
  assert.equal(json.holderAnswers, false);
  await running.prints(/not yet/);
  await until("the program is gone", () => !lives(pid));
  await until("the lease is over", async () => (await owner()) === null);
});

/** A shell with a job of its own in the background. `pid` is the id of the job. */
const SHELL_WITH_JOB = ["sh", "-c", 'sleep 600 & echo "pid $!"; wait'];
const SHELL_WITH_STUBBORN_JOB = ["sh", "-c", `(trap "" TERM; while :; do sleep 1; done) & echo "pid $!"; wait`];
/** A zombie still has its id, but does nothing. */
const works = (pid) => /^[^Z]/.test(spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout.trim());
// In a container there may be no process that removes zombies.
const untilGone = (pid) => until("what the program started is gone", () => !works(pid));

test("a lock that is lost ends what the program started, too, before run ends", SIGNALS, async () => {
  for (const [program, grace] of [
    [SHELL_WITH_JOB, "60"],
    [SHELL_WITH_STUBBORN_JOB, "0.3"],
  ]) {
    const { running, pid } = await startProgram(program, { flags: ["--expire", "1", "--grace", grace] });
    await bed.command("DEL", `${NS}k`);
    assert.deepEqual(await running.closed, [123, null]);
    await untilGone(pid);
  }
});

test("a signal that ends the program ends what it started, too, and the lock is given back after that", SIGNALS, async () => {
  const { running, pid } = await startProgram(SHELL_WITH_STUBBORN_JOB, { flags: ["--grace", "1"] });
  running.kill("SIGTERM");
  await until("the job is gone or the lock is given back", async () => !works(pid) || (await owner()) === null);
  assert.ok(!works(pid), "the lock was given back while the job ran");
  assert.deepEqual(await running.closed, [143, null]);
  assert.equal(await owner(), null);
});

test("kill -9 of run itself ends what the program started, too", SIGNALS, async () => {
  for (const program of [SHELL_WITH_JOB, SHELL_WITH_STUBBORN_JOB]) {
    const { running, pid } = await startProgram(program, { flags: ["--expire", "3", "--grace", "1"] });
    // The program may have begun before `run` has told its guard which process to guard.
    await sleep(TOLD_MS);
    running.kill("SIGKILL");
    await running.exited;
    await untilGone(pid);
    await until("the lease is over", async () => (await owner()) === null);
  }
});

test("processes that a program leaves behind go on if the program ends by itself", SIGNALS, async () => {
  const { running, pid } = await startProgram(["sh", "-c", 'sleep 600 >/dev/null 2>&1 & echo "pid $!"; exit 4']);
  assert.deepEqual(await running.closed, [4, null]);
  assert.ok(lives(pid));
  process.kill(pid, "SIGKILL");
});

test("the program has the signal once, also where what it started gets it from the program", SIGNALS, async () => {
  const { running } = await startProgram(
    js(
      "let n = 0; process.on('SIGTERM', () => { n += 1; setTimeout(() => process.exit(n), 100); }); console.log('pid', process.pid); setInterval(() => {}, 1000)",
    ),
  );
  running.kill("SIGTERM");
  assert.deepEqual(await running.closed, [1, null]);
});

test("signals that few send are passed on to the program, too, and the lock is given back", SIGNALS, async () => {
  const rare = ["SIGUSR1", "SIGUSR2", "SIGABRT", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGXCPU", "SIGXFSZ", "SIGIO", "SIGPWR", "SIGSTKFLT"];
  for (const signal of rare.filter((name) => name in os.constants.signals)) {
    const { running } = await startProgram(
      js(`process.on('${signal}', () => process.exit(9)); console.log('pid', process.pid); setInterval(() => {}, 1000)`),
    );
    running.kill(signal);
    assert.deepEqual(await running.closed, [9, null], signal);
    assert.equal(running.stderr, "", signal);
    assert.equal(await owner(), null, signal);
  }
});

test("a program that is not there gives 127, and one that cannot be executed 126", async () => {
  const missing = await cli(runArgs(["no-such-program-here"]));
  complainedOnce(missing, /there is no program "no-such-program-here"/);
  assert.equal(missing.code, 127);
  const forbidden = await cli(runArgs([os.tmpdir()]));
  complainedOnce(forbidden, /the program ".*" cannot be executed \(EACCES\)/);
  assert.equal(forbidden.code, 126);
  assert.equal(await owner(), null);
});

test("a program whose arguments are too long is told as one that cannot be executed", () => {
  const { startProgram: startAtOnce } = compiled("cli/program.js");
  assert.throws(() => startAtOnce(["true", "x".repeat(3_000_000)], {}, 1), {
    exitCode: 126,
    message: /"true" cannot be executed \(E2BIG\)/,
  });
});

test("a URL in the place of the key or of the program is not repeated with its password", async () => {
  const misplaced = "redis://u:s3cret/ s3cret@h/1";
  await bed.command("SET", `${NS}${misplaced}`, "another");
  for (const [program, keys, message] of [
    [[misplaced], ["k"], /there is no program "redis:\/\/\*\*\*@h\/1"/],
    [["true"], [misplaced], /another holds the lock for "redis:\/\/\*\*\*@h\/1"/],
  ]) {
    const ended = await cli(runArgs(program, { keys, flags: ["--wait", "0"] }));
    complainedOnce(ended, message);
    assert.doesNotMatch(ended.stderr, /s3cret/);
  }
});

test("commands for the terminal are not passed to it, neither from the command line nor from another process", async () => {
  const missing = await cli(runArgs(["no\u001b[31mprogram\u009b\u202e"]));
  complainedOnce(missing, /there is no program "no\\u001b\[31mprogram\\u009b\\u202e"/);
  const { running } = await startProgram(WAITS, { flags: ["--expire", "2"] });
  const freed = { keys: [`${NS}k`], by: "\u001b[31mada\u0007" };
  await until("run is told", async () => {
    await bed.command("PUBLISH", "mlr!?", JSON.stringify({ v: 1, freed }));
    await bed.command("DEL", `${NS}k`);
    return running.child.exitCode !== null;
  });
  await running.closed;
  complainedOnce({ ...running, stdout: "" }, /released by hand, by \?\[31mada\?\./);
});

test("an answer of another process writes no command and no megabyte to the terminal: list, show, release, doctor", async () => {
  const long = `${COMMANDS}${"x".repeat(10_000)}`;
  const texts = { host: long, package: long, node: long, connection: long, mode: long, options: long };
  const key = `${NS}k`;
  const owner = "execute:777589bc-26b7-8402-a5ad-4f0000000002";
  const awaited = Array.from({ length: 3 }, (_, at) => ({ key: `${NS}${at}${long}`, count: 1, longestMs: 5, labels: [long] }));
  const stop = await startHostileProcess(bed, {
    process: texts,
    locks: [toldLock(key, owner, { state: long, label: long })],
    waits: [{ key, count: 1, longestMs: 5, labels: [long, long] }, ...awaited],
  });
  for (const args of [["list"], ["show", "k"], ["list", "--json"], ["show", "k", "--json"], ["doctor"], ["release", "k", "--yes"]]) {
    // On a busy machine the answer may come too late for a question, so the command is repeated.
    const { stdout, stderr } = await until(`${args.join(" ")} has the answer`, async () => {
      await bed.command("SET", key, owner, "PX", "60000");
      const ended = await cli([...args, "--url", bed.url]);
      return ended.stdout.includes("u001b") && ended;
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for these characters.
    assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u202e]|^2026/m, args.join(" "));
    assert.ok(stdout.length + stderr.length < 20_000, `${args.join(" ")}: ${stdout.length}`);
  }
  stop();
});

test("without Redis it ends with 125 and says why, without the password", async () => {
  const args = ["run", "--url", "redis://u:s3cret@127.0.0.1:1", "--lock", "k", "--", "true"];
  const ended = await cli(args);
  complainedOnce(ended, /ECONNREFUSED 127\.0\.0\.1:1/);
  assert.equal(ended.code, 125);
  assert.doesNotMatch(ended.stderr, /s3cret/);
});

test("any failure before the program starts ends run with 125", async () => {
  const ended = await cli(runArgs(["true"]), { env: { NODE_OPTIONS: "--no-addons" } });
  complainedOnce(ended, /addon/i);
  assert.equal(ended.code, 125);
});

test("others see who holds the lock and its label, which is the program's name unless one is given", async () => {
  for (const [flags, label] of [
    [[], path.basename(process.execPath)],
    [["--label", "nightly sync"], "nightly sync"],
  ]) {
    const { running } = await startProgram(WAITS, { flags });
    const { json } = await cliJson(["show", "k", "--url", bed.url]);
    assert.deepEqual([json.holder.pid, json.label, json.state], [running.child.pid, label, "held"]);
    running.kill("SIGTERM");
    await running.closed;
  }
});

test("release takes the lock from a program, which is ended, and run says by whom", async () => {
  const { running, pid } = await startProgram(WAITS);
  assert.equal((await cli(["release", "k", "--yes", "--url", bed.url])).code, 0);
  assert.deepEqual(await running.closed, [123, null]);
  assert.match(running.stderr, /released by hand, by .*@.*, pid \d+, medusa-locking-redis release/);
  assert.ok(!lives(pid));
});

test("a lock that cannot be released does not hide the program's exit code", SIGNALS, async () => {
  const { running, pid } = await startProgram(
    js("process.on('SIGUSR2', () => process.exit(5)); console.log('pid', process.pid); setInterval(() => {}, 1000)"),
  );
  await bed.server.kill("SIGSTOP");
  try {
    process.kill(pid, "SIGUSR2");
    assert.deepEqual(await running.closed, [5, null]);
  } finally {
    await bed.server.kill("SIGCONT");
  }
});
