// The tasks of one process of a fleet: callers that come back again and again until a common end. Times are in milliseconds of the
// machine's own clock, which all processes share.

import { readFileSync } from "node:fs";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const clock = () => Number(process.hrtime.bigint()) / 1e6;

/** This is longer than the time in which the other process enters the queue again. */
const BATON_JOB_MS = 0.1;

/** A job of `handoff`. It notes when it began and when it gives the lock back. */
function keepBusy({ starts, releases }) {
  const began = clock();
  starts.push(began);
  let now = began;
  while (now < began + BATON_JOB_MS) now = clock();
  releases.push(now);
}

/** The keys of each visit, by scenario. `caller` is a number across all processes. */
const KEYS = {
  same: () => "hot",
  shared: (caller, keys) => `shelf-${caller % keys}`,
  sets(_caller, keys) {
    const all = Array.from({ length: keys }, (_, at) => `set-${at}`);
    for (let at = all.length - 1; at > 0; at -= 1) {
      const other = Math.floor(Math.random() * (at + 1));
      [all[at], all[other]] = [all[other], all[at]];
    }
    return all.slice(0, 2 + Math.floor(Math.random() * 2));
  },
};

export const FLEET_TASKS = {
  /** The time on the machine's clock. */
  async clock() {
    return { now: clock() };
  },

  /**
   * Callers that run a job under a lock from `begin` to `end`: `visits` times each or, without that number, again and again. Jobs that
   * began before `from` are not counted. Returns the time spent in jobs between `from` and `end`, the wait of each call, and the errors.
   * Also returns the longest wait of all calls, including calls that were served later or not at all, and the number of callers that had no
   * job in that time.
   */
  async visits(contestant, { first, callers, keys, choose, jobMs, timeout, begin, from, end, visits = Number.POSITIVE_INFINITY }) {
    const waits = [];
    const problems = {};
    let busyMs = 0;
    let jobs = 0;
    let longestMs = 0;
    const served = new Set();
    await sleep(begin - clock());
    const one = async (caller) => {
      for (let visit = 0; visit < visits && clock() < end; visit += 1) {
        const asked = clock();
        let began;
        let ended;
        const job = async () => {
          began = clock();
          if (jobMs > 0) await sleep(jobMs);
          ended = clock();
        };
        try {
          await contestant.execute(KEYS[choose](caller, keys), job, { timeout });
        } catch (error) {
          problems[error.message] = (problems[error.message] ?? 0) + 1;
        }
        longestMs = Math.max(longestMs, (began ?? clock()) - asked);
        if (ended === undefined) continue;
        busyMs += Math.max(0, Math.min(ended, end) - Math.max(began, from));
        if (began >= from && began < end) {
          jobs += 1;
          served.add(caller);
          waits.push(began - asked);
        }
      }
    };
    await Promise.all(Array.from({ length: callers }, (_, at) => one(first + at)));
    return { busyMs, jobs, waits, problems, longestMs, withoutJob: callers - served.size, endedAt: clock() };
  },

  /**
   * Callers that come back to one key again and again, from `begin` to `end`. Jobs that began before `from` are not counted. Returns jobs,
   * time-outs and the longest wait, including calls that waited in vain.
   */
  async mixed(contestant, { callers, jobMs, timeout, begin, from, end }) {
    const seen = { jobs: 0, timeouts: 0, longestMs: 0, problems: [] };
    await sleep(begin - clock());
    const one = async () => {
      while (clock() < end) {
        const asked = clock();
        const waited = () => {
          seen.longestMs = Math.max(seen.longestMs, clock() - asked);
        };
        const job = async () => {
          waited();
          if (clock() >= from && clock() < end) seen.jobs += 1;
          await sleep(jobMs);
        };
        try {
          await contestant.execute("hot", job, { timeout });
        } catch (error) {
          waited();
          if (error.message === "Timed-out acquiring lock.") seen.timeouts += 1;
          else seen.problems.push(error.message);
        }
      }
    };
    await Promise.all(Array.from({ length: callers }, one));
    return seen;
  },

  /**
   * Callers that come back to keys of their own kind again and again, from `begin` to `end`. Returns every hold. A hold lasts until its job
   * ended, or was told that the lock is lost.
   */
  async holds(contestant, { short, long, timeout, expire, begin, end }) {
    const holds = [];
    const problems = {};
    await sleep(begin - clock());
    const one = async (key, jobMs) => {
      while (clock() < end) {
        const job = async (signal) => {
          const hold = { key, from: clock(), to: Number.POSITIVE_INFINITY };
          holds.push(hold);
          const over = () => {
            hold.to = Math.min(hold.to, clock());
          };
          signal?.addEventListener("abort", over, { once: true });
          await sleep(jobMs);
          over();
        };
        try {
          await contestant.execute(key, job, { timeout, expire });
        } catch (error) {
          const what = error.code ?? error.message;
          problems[what] = (problems[what] ?? 0) + 1;
          // A caller that is refused at once must not come back at once.
          await sleep(20);
        }
      }
    };
    const callers = (kind, { keys, callers, jobMs }) =>
      Array.from({ length: keys * callers }, (_, at) => one(`${kind}-${at % keys}`, jobMs));
    await Promise.all([...callers("short", short), ...callers("long", long)]);
    return { holds, problems };
  },

  /**
   * One of two processes that pass a lock to and fro until `end`. Each has a few callers, and a job that keeps the processor busy for a
   * moment, so that a caller of the other process always waits when a job ends. Returns the times of the releases and of the jobs' starts.
   */
  async handoff(contestant, { begin, end, callers }) {
    const times = { releases: [], starts: [] };
    await sleep(begin - clock());
    const one = async () => {
      while (clock() < end) await contestant.execute("handoff", async () => keepBusy(times), { timeout: 60 });
    };
    await Promise.all(Array.from({ length: callers }, one));
    return times;
  },

  /**
   * The same without a lock: the process runs as many jobs in a row as it has callers, and then sends a message to the other process, whose
   * turn it is. The process `first` begins.
   */
  async relay(contestant, { begin, end, callers, me, other, first }) {
    const times = { releases: [], starts: [] };
    const turn = () => {
      for (let job = 0; job < callers; job += 1) keepBusy(times);
      if (clock() < end) contestant.tell(other);
    };
    await contestant.listen(me, turn);
    await sleep(begin - clock());
    if (first) turn();
    await sleep(end + 100 - clock());
    return times;
  },

  /** Round trips of a PING from `begin` to `end`, in milliseconds: one after the other, or with a pause between them. */
  async pings(contestant, { begin, end, pauseMs }) {
    const times = [];
    await sleep(begin - clock());
    while (clock() < end) {
      if (pauseMs > 0) await sleep(pauseMs);
      const start = clock();
      await contestant.ping();
      times.push(clock() - start);
    }
    return { times };
  },

  /** Takes the key for a named owner. The next task gives it back. */
  async take(contestant, { key, ownerId }) {
    await contestant.acquire(key, { ownerId, expire: 600 });
    return {};
  },
  async give(contestant, { key, ownerId }) {
    return { released: await contestant.release(key, { ownerId }), at: clock() };
  },

  /** Starts so many calls that wait for one key. Resolves when they wait. */
  async line(contestant, { key, count }) {
    globalThis.gc?.();
    const before = residentKb();
    const state = { left: count, firstAt: undefined, lastAt: undefined };
    state.all = Promise.all(
      Array.from({ length: count }, () =>
        contestant.execute(
          key,
          async () => {
            state.firstAt ??= clock();
            state.lastAt = clock();
          },
          { timeout: 600 },
        ),
      ),
    );
    lines.set(key, state);
    await sleep(3_000);
    globalThis.gc?.();
    return { memoryKb: residentKb() - before };
  },
  /** Waits until all calls of that line are served. */
  async served(_contestant, { key }) {
    const state = lines.get(key);
    await state.all;
    return { firstAt: state.firstAt, lastAt: state.lastAt };
  },
};

const lines = new Map();

function residentKb() {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0);
}
