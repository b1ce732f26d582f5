// One process of a history: its callers take locks in all possible ways, and record the proofs of each hold.
//
// A record is one line of JSON. A hold has a `start` ({ id, by, kind, from, keys, tokens }), then perhaps `still`, and an `end` ({ id, by,
// to }). Times are in ms of CLOCK_MONOTONIC, which all processes of a machine share. `from` was read before the first successful
// assertHeld(), `to` before the last one. So the lock was held from `from` to `to`, whatever stopped this process in between. Lines are
// written at once, so that they outlive kill -9.

import fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { bootLocking, providerEntry } from "../locking-module.mjs";
import { ownersVisits } from "./owners.mjs";
import { nowMs, randomOf } from "./random.mjs";

const { file, seed, connection, resolve, keys, callers, leaseS, longJobs, owners, place, mayLog } = JSON.parse(process.argv[2]);
const TIMEOUT_S = 20;
/** A call with a time limit of 20 s is stranded after so long. The difference is for reconnects. */
const STRANDED_MS = 60_000;
/** The time between two proofs of a job. Without them the record of a hold would cover one moment only. */
const PROOF_MS = 20;
/** If the lock says that its lease had so much left when the job ended, the lock cannot have been lost before the release was asked for. */
const GOOD_MS = 50;

const random = randomOf(seed);
const out = fs.openSync(file, "a");
const counts = { calls: 0, holds: 0 };
let stopping = false;
let serial = 0;

const count = (what) => {
  counts[what] = (counts[what] ?? 0) + 1;
};
const write = (line) => fs.writeSync(out, `${JSON.stringify(line)}\n`);

const ours = resolve !== "@medusajs/locking-redis";
const options = ours ? {} : { defaultRetryInterval: 2, maximumRetryInterval: 20 };
const booted = await bootLocking({ providers: [providerEntry(connection, { resolve })], options });
const { locking } = booted;

/**
 * A job: it records proofs until it is done or its lock is lost. `assertHeld` throws if the lock is lost. Resolves with the time that the
 * lease had left at the job's end, if the lock was proven until then.
 */
async function job(of, { assertHeld, tokens, renewed, leftMs = () => 0 }, kind) {
  const id = ++serial;
  const by = process.pid;
  // A lease that is not renewed simply ends.
  const lose = renewed ? "lost" : "lapsed";
  const from = nowMs();
  try {
    assertHeld();
  } catch {
    count(lose);
    write({ late: { id, by, kind, from, keys: of } });
    return;
  }
  count("holds");
  const start = { id, by, kind, from, keys: of, tokens: of.map((key) => tokens?.[key] ?? null) };
  write({ start });
  const lengthMs = longJobs && random.chance(0.003) ? random.below(leaseS * 2_500) : random.below(3);
  const end = from + lengthMs;
  let to = from;
  let told = from;
  while (nowMs() < end) {
    await sleep(Math.min(PROOF_MS, Math.max(1, end - nowMs())));
    const at = nowMs();
    try {
      assertHeld();
    } catch {
      count(lose);
      write({ end: { id, by, to, lost: at } });
      return;
    }
    to = at;
    if (at - told > 5 * PROOF_MS) {
      write({ still: { id, by, to } });
      told = at;
    }
  }
  if (lengthMs === 0) {
    await new Promise(setImmediate);
    const at = nowMs();
    try {
      assertHeld();
      to = at;
    } catch {
      count(lose);
      write({ late: { id, by, kind, from, keys: of } });
      write({ end: { id, by, to } });
      return;
    }
  }
  write({ end: { id, by, to } });
  return leftMs();
}

const some = () => {
  const shuffled = random.shuffled(keys);
  return shuffled.slice(0, 2 + random.below(2));
};

async function execute(of, args) {
  if (!ours) {
    const begun = nowMs();
    // Its shortest lease is longer than any job here, and no fault of this phase stops the process that renews it.
    const lock = { assertHeld: () => {}, tokens: undefined, renewed: true };
    await locking.execute(of, () => job([of].flat(), lock, "official"), args);
    return begun;
  }
  let leftMs;
  const prove = async (_signal, lock) => {
    const { fencingTokens: tokens } = lock;
    const proofs = { assertHeld: () => lock.assertHeld(), leftMs: () => lock.remainingMs(), tokens, renewed: true };
    leftMs = await job(lock.keys, proofs, "execute");
  };
  try {
    return await locking.execute(of, prove, { ...args, expire: leaseS });
  } catch (error) {
    if (error.code === "LOCK_LOST" && leftMs > GOOD_MS) write({ falselyLost: { by: process.pid, at: nowMs(), leftMs, keys: error.keys } });
    throw error;
  }
}

async function acquire(of, args) {
  const ownerId = `caller-${process.pid}-${++serial}`;
  let lock;
  const sentAt = nowMs();
  const watched = random.chance(0.7);
  const renew = watched && random.chance(0.7);
  const callbacks = watched ? { renew, onHeld: (held) => (lock = held), onLost: () => count("told") } : {};
  await locking.acquire(of, { ownerId, expire: leaseS, timeout: TIMEOUT_S, ...callbacks, ...args });
  // Without a lock object only the clock proves the hold. The server's clock may be a little fast, and it counts in ms.
  const until = sentAt + leaseS * 990 - 10;
  const unwatched = () => {
    if (nowMs() > until) throw new Error("the lease may have lapsed");
  };
  const assertHeld = lock ? () => lock.assertHeld() : unwatched;
  await job([of].flat(), { assertHeld, tokens: lock?.fencingTokens, renewed: renew }, "acquire");
  if (random.chance(0.1)) await locking.releaseAll({ ownerId });
  else await locking.release(of, { ownerId });
}

const visitAsOwner = owners && ownersVisits({ locking, random, count, write, keys, owners, place, timeoutS: TIMEOUT_S });

function visit() {
  if (visitAsOwner) return visitAsOwner();
  const kind = random.below(100);
  const one = random.of(keys);
  const args = { timeout: TIMEOUT_S };
  if (!ours || kind < 45) return execute(one, args);
  if (kind < 65) return execute(some(), args);
  if (kind < 85) return acquire(random.chance(0.5) ? one : some(), { awaitQueue: true });
  if (kind < 93) return acquire(random.chance(0.5) ? one : some(), {});
  const signal = AbortSignal.timeout(1 + random.below(50));
  return execute(random.chance(0.5) ? one : some(), { ...args, signal });
}

async function caller() {
  while (!stopping) {
    count("calls");
    const began = nowMs();
    const call = visit().then(
      () => {},
      (error) => {
        // Errors of the official provider have no code.
        const what = error.code ?? (error.message === "Timed-out acquiring lock." ? "LOCK_TIMEOUT" : error.name);
        count(what);
        if (ours && what === "LOCK_TIMEOUT")
          write({ timedOut: { by: process.pid, began, at: nowMs(), keys: error.keys, cause: error.cause?.message } });
        if (what === "LOCK_LOST") write({ told: { by: process.pid, began, at: nowMs(), keys: error.keys } });
        // These errors come only with a fault. The pause prevents a busy loop.
        if (["REDIS_UNREACHABLE", "REDIS_REFUSED", "LOCK_NOT_REPLICATED"].includes(what)) return sleep(20);
        if (!error.code && what !== "TimeoutError" && what !== "LOCK_TIMEOUT") write({ unexpected: error.stack });
      },
    );
    const guard = new AbortController();
    const stranded = sleep(STRANDED_MS, "stranded", { signal: guard.signal }).catch(() => {});
    if ((await Promise.race([call, stranded])) === "stranded") {
      write({ stranded: { by: process.pid, began, at: nowMs() } });
      return;
    }
    guard.abort();
  }
}

process.on("message", (message) => {
  if (message === "stop") stopping = true;
  else if (message.blockMs) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message.blockMs);
});
process.on("disconnect", () => process.exit(1));
const telling = setInterval(() => process.send(counts), 100);
process.send("ready");
await Promise.all(Array.from({ length: callers }, caller));
clearInterval(telling);
const errors = booted.logs.filter((line) => line.level === "error" && !(mayLog && line.text.includes(mayLog))).map((line) => line.text);
if (errors.length > 0) write({ unexpected: `logged: ${errors.join("\n")}` });
await booted.shutdown();
process.send({ ...counts, done: true }, () => process.exit(0));
