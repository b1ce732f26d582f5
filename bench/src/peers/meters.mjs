// The load of a contestant's server in a period: its CPU time, the commands that it executed, and the bytes that it sent and received.

import { readdirSync, readFileSync } from "node:fs";

const field = (info, name) => Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(info)[1]);
/** `*1\r\n$4\r\nINFO\r\n` */
const INFO_BYTES = 14;

/**
 * @param {object} observer a connection to Redis
 * @returns {Promise<() => Promise<{ serverCpuUs: number, commands: number, bytes: number }>>} reads the values since then, without the
 *   effect of the reading itself. `commands` counts all commands that Redis executes, also those that a script calls
 */
export async function redisMeter(observer) {
  const before = await readRedis(observer);
  return async () => {
    const after = await readRedis(observer);
    return {
      serverCpuUs: after.cpuUs - before.cpuUs,
      commands: after.commands - before.commands - 1,
      bytes: after.bytes - before.bytes - before.replyBytes - INFO_BYTES,
    };
  };
}

async function readRedis(observer) {
  const info = await observer.command("INFO");
  return {
    cpuUs: (field(info, "used_cpu_user") + field(info, "used_cpu_sys")) * 1e6,
    commands: field(info, "total_commands_processed"),
    bytes: field(info, "total_net_input_bytes") + field(info, "total_net_output_bytes"),
    replyBytes: Buffer.byteLength(info) + `$${Buffer.byteLength(info)}\r\n\r\n`.length,
  };
}

/** Memory that Redis uses for its contents, in bytes. */
export async function redisMemory(observer) {
  return field(await observer.command("INFO", "memory"), "used_memory");
}

/** The length of a tick, in microseconds. Linux counts CPU time in /proc in ticks. */
const TICK_US = 10_000;

/**
 * @param {number} postmaster process id of Postgres
 * @returns {() => { serverCpuUs: number }} reads the CPU time of all Postgres processes since then
 */
export function postgresMeter(postmaster) {
  const before = postgresTicks(postmaster);
  return () => ({ serverCpuUs: (postgresTicks(postmaster) - before) * TICK_US });
}

function postgresTicks(postmaster) {
  let ticks = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const fields = processFields(pid);
    if (!fields) continue;
    const [own, ended] = [Number(fields[11]) + Number(fields[12]), Number(fields[13]) + Number(fields[14])];
    // The CPU time of ended processes is in the counts of the process that started them.
    if (Number(pid) === postmaster) ticks += own + ended;
    else if (Number(fields[1]) === postmaster) ticks += own;
  }
  return ticks;
}

/** The fields of a process after its name: state, parent, …; undefined when it has ended. */
function processFields(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
  } catch {
    return undefined;
  }
}
