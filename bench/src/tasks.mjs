// The tasks of a contestant's process. Every task has a fixed count, and a time limit if it may get stuck.

const emptyJob = async () => {};
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let round = 0;

/** Runs `operation(i)` for every i below `count`, `width` at a time. */
async function spread(count, width, operation) {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const mine = next;
      next += 1;
      await operation(mine);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** Runs the work, and returns its time and the CPU time of this process (all threads), in microseconds. */
async function measured(work) {
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  await work();
  const elapsedUs = Number(process.hrtime.bigint() - start) / 1000;
  const used = process.cpuUsage(cpu);
  return { elapsedUs, cpuUs: used.user + used.system };
}

export const TASKS = {
  /** One call at a time, each on a separate key. */
  async sequential(contestant, { count }) {
    round += 1;
    const times = new Float64Array(count);
    const totals = await measured(async () => {
      for (let i = 0; i < count; i += 1) {
        const start = performance.now();
        await contestant.execute(`s${round}-${i}`, emptyJob);
        times[i] = (performance.now() - start) * 1000;
      }
    });
    times.sort();
    return { ...totals, medianUs: times[count >> 1] };
  },

  /** Many calls at the same time, each on a separate key. */
  async parallel(contestant, { count, width }) {
    round += 1;
    return measured(() => spread(count, width, (i) => contestant.execute(`p${round}-${i}`, emptyJob)));
  },

  /** The same, with a job that takes its signal, as a job does that can be stopped. */
  async parallelWithSignal(contestant, { count, width }) {
    round += 1;
    const job = async (signal) => signal;
    return measured(() => spread(count, width, (i) => contestant.execute(`p${round}-${i}`, job)));
  },

  /** Many callers of one key that come at the same moment, once each, and again when all were served. */
  async rush(contestant, { count, width }) {
    return measured(async () => {
      for (let served = 0; served < count; served += width) {
        await spread(width, width, () => contestant.execute("hot", emptyJob, { timeout: 120 }));
      }
    });
  },

  /** Many callers of one key that come back at once. The time limit is long, so that no call times out. */
  async hot(contestant, { count, width }) {
    return measured(() => spread(count, width, () => contestant.execute("hot", emptyJob, { timeout: 120 })));
  },

  /** A job that blocks the event loop for longer than its lease. */
  async stall(contestant, { key, blockMs, expire }, tell) {
    let window;
    const job = async () => {
      const from = Date.now();
      await tell({ note: "blocking" });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs);
      window = { from, to: Date.now() };
      return "done";
    };
    const outcome = await contestant.execute(key, job, { expire }).then(
      () => "reported as good",
      (error) => `rejected: ${error.message}`,
    );
    return { ...window, outcome };
  },

  /** Callers that all want the same two keys. */
  async pairs(contestant, { callers, jobMs, limitMs }) {
    const counts = { finished: 0, failed: 0, running: 0, mostAtOnce: 0 };
    const job = async () => {
      counts.running += 1;
      counts.mostAtOnce = Math.max(counts.mostAtOnce, counts.running);
      await sleep(jobMs);
      counts.running -= 1;
    };
    const start = performance.now();
    const one = () =>
      contestant.execute(["k1", "k2"], job, { timeout: 30 }).then(
        () => {
          counts.finished += 1;
        },
        () => {
          counts.failed += 1;
        },
      );
    const all = Promise.all(Array.from({ length: callers }, one));
    await Promise.race([all, sleep(limitMs)]);
    const { finished, failed, mostAtOnce } = counts;
    return { callers, finished, failed, mostAtOnce, elapsedMs: performance.now() - start };
  },
};
