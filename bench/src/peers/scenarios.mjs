// Compares the package with packages that a user might choose instead: one question per scenario. Within a round the contestants take
// turns, and each has the machine to itself. The order changes from round to round.

import { startPostgres } from "../../../harness/postgres.mjs";
import { startContestant } from "../processes.mjs";
import { median, ratio } from "../stats.mjs";
import { busy } from "./busy.mjs";
import { POSTGRES_URL } from "./contestants.mjs";
import { buildFloor, FLOOR_ADDON } from "./floor.mjs";
import { eachCount, memory, renewals, waiters } from "./lines.mjs";
import { postgresMeter, redisMeter } from "./meters.mjs";

const WAITING = ["official", "ours", "postgres", "redis-semaphore", "redlock", "redlock-universal", "glide"];
/** Contestants without a lock do not wait, so scenarios with contended keys leave them out. */
const ALL = [...WAITING, "bare", "floor"];

/**
 * For each scenario: the contestants, the measurement (a map of cells, each with its figures), and the most rounds for which there is time.
 */
const PLANS = {
  "peers-one": { names: ALL, measure: spells([{ cell: "1", width: 1, keys: 1 }]) },
  "peers-at-once": { names: ALL, measure: spells([16, 256, 1024].map((width) => ({ cell: String(width), width, keys: 1 }))) },
  "peers-keys": {
    // The other contestants take one key per lock.
    names: ["official", "ours", "postgres", "redlock", "redlock-universal"],
    measure: spells([2, 4, 16].map((keys) => ({ cell: String(keys), width: 16, keys }))),
  },
  "peers-busy": { names: WAITING, mostRounds: 2, measure: busy },
  "peers-waiters": { names: WAITING, mostRounds: 2, measure: waiters },
  "peers-beside": {
    // A lock of Postgres is no row of a table, so other locks cannot be put beside it.
    names: ALL.filter((name) => name !== "postgres"),
    mostRounds: 3,
    measure: beside([1, 1_000, 1_000_000]),
  },
  // The other contestants do not renew, or have no lease.
  "peers-renewals": { names: ["ours", "redis-semaphore", "redlock", "redlock-universal"], mostRounds: 2, measure: renewals },
  // A lock of Postgres keeps a connection, and Medusa's pool has ten.
  "peers-memory": { names: ALL.filter((name) => !["postgres", "floor"].includes(name)), mostRounds: 3, measure: memory },
};

/** The scenarios of this family. */
export const PEER_SCENARIOS = Object.keys(PLANS);

/**
 * @param {string} scenario one of `PEER_SCENARIOS`
 * @param {string[]} names contestants that take part
 * @param {object} context `url`, `observer`, `rounds`, `quick`, `progress`
 * @returns {Promise<object>} for each contestant and cell the figures (`median` and `rounds`), and `ratios`: ours to each of the others
 */
export async function runPeers(scenario, names, { url, observer, rounds, quick, progress }) {
  const plan = PLANS[scenario];
  const taking = plan.names.filter((name) => names.includes(name));
  const times = Math.min(rounds, plan.mostRounds ?? rounds);
  const env = taking.includes("floor") ? { [FLOOR_ADDON]: await buildFloor() } : {};
  const database = taking.includes("postgres") ? await startPostgres({ database: "bench" }) : undefined;
  const samples = Object.fromEntries(taking.map((name) => [name, []]));
  const versions = {};
  try {
    const postmaster = database && Number((await database.query("select pg_read_file('postmaster.pid')"))[0][0]);
    const [[postgresVersion]] = database ? await database.query("show server_version") : [[undefined]];
    if (postgresVersion) versions.Postgres = postgresVersion.split(" ")[0];
    const context = {
      observer,
      quick,
      async start(name) {
        const contestant = await startContestant(name, url, { ...env, [POSTGRES_URL]: database?.url ?? "" });
        versions[name] = contestant.version;
        return contestant;
      },
      meter: (name) => (name === "postgres" ? postgresMeter(postmaster) : redisMeter(observer)),
    };
    for (let round = 0; round < times; round += 1) {
      for (let turn = 0; turn < taking.length; turn += 1) {
        const name = taking[(round + turn) % taking.length];
        progress(`${scenario}: round ${round + 1} of ${times}, ${name}`);
        samples[name].push(await plan.measure(name, context));
        await observer.command("FLUSHALL");
        // If Redis knows the official package's script, ours makes room for callers of that package, which may be waiting.
        await observer.command("SCRIPT", "FLUSH");
      }
    }
  } finally {
    await database?.stop();
  }
  return { rounds: times, versions, contestants: summaries(samples), ratios: ratiosOfOurs(samples) };
}

/** 256 callers that come back at once to separate keys, beside so many locks of others. */
function beside(counts) {
  const spell = spells([{ cell: "", width: 256, keys: 1 }]);
  return (name, context) =>
    eachCount(counts, context, async (count) => {
      await fill(context.observer, count);
      return (await spell(name, context))[""];
    });
}

const FILL = `for at = ARGV[1], ARGV[2] do redis.call('SET', 'medusa_lock:other-' .. string.format('%d', at), 'another-owner', 'PX', 600000) end`;
const MOST_AT_ONCE = 50_000;

/** Puts locks of others into Redis. One script makes only so many that Redis does not call it slow. */
async function fill(observer, count) {
  for (let from = 1; from <= count; from += MOST_AT_ONCE) {
    await observer.command("EVAL", FILL, "0", String(from), String(Math.min(count, from + MOST_AT_ONCE - 1)));
  }
}

/** Callers that come back at once to separate keys. */
function spells(cells) {
  return async (name, { start, meter, quick }) => {
    const contestant = await start(name);
    try {
      const ms = quick ? 200 : 700;
      const measured = {};
      for (const { cell, width, keys } of cells) {
        await contestant.run("spell", { width, keys, ms: ms / 2 });
        const since = await meter(name);
        const { count, elapsedUs, cpuUs, medianUs } = await contestant.run("spell", { width, keys, ms });
        const { serverCpuUs, commands, bytes } = await since();
        measured[cell] = {
          perSecond: (count / elapsedUs) * 1e6,
          medianUs,
          nodeCpuUs: cpuUs / count,
          serverCpuUs: serverCpuUs / count,
          // Postgres does not tell these numbers.
          ...(commands === undefined ? {} : { commands: commands / count, bytes: bytes / count }),
        };
      }
      return measured;
    } finally {
      contestant.stop();
      await contestant.exited;
    }
  };
}

/** The figures of each cell: by round, and their median. */
function summaries(samples) {
  const columns = (rows, cell) =>
    Object.fromEntries(
      Object.keys(rows[0][cell]).map((figure) => {
        const values = rows.map((row) => row[cell][figure]);
        // If a figure could not be measured in time in one round, it has no median.
        return [figure, { median: values.includes(null) ? null : median(values), rounds: values }];
      }),
    );
  const cellsOf = (rows) => Object.fromEntries(Object.keys(rows[0]).map((cell) => [cell, columns(rows, cell)]));
  return Object.fromEntries(Object.entries(samples).map(([name, rows]) => [name, cellsOf(rows)]));
}

/** For each other contestant, cell and figure: the ratio of ours to it, by round. */
function ratiosOfOurs({ ours, ...others }) {
  if (!ours) return {};
  const cellRatios = (rows, cell) =>
    Object.fromEntries(
      Object.keys(rows[0][cell])
        .map((figure) => [figure, ours.map((row) => row[cell]?.[figure]), rows.map((row) => row[cell][figure])])
        .filter(([, mine, other]) => [...mine, ...other].every((value) => typeof value === "number") && other.every((value) => value > 0))
        .map(([figure, mine, other]) => [figure, ratio(mine, other)]),
    );
  const ratiosOf = (rows) => Object.fromEntries(Object.keys(rows[0]).map((cell) => [cell, cellRatios(rows, cell)]));
  return Object.fromEntries(Object.entries(others).map(([name, rows]) => [name, ratiosOf(rows)]));
}
