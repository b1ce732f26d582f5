import { errorOf, listOf } from "../inspector";
import { type Finding, finding } from "./findings";
import type { Limits, Patient, Server } from "./patient";

/** A clock difference of more than this is reported, in milliseconds. */
const CLOCK_TOLERANCE_MS = 1_000;

/** @internal A field of INFO. */
export function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*)$`, "m").exec(info)?.[1]?.trim();
}

/** @internal Checks INFO of a server. `told` names the server if there are several. */
export async function checkServer(patient: Patient, server: Server, info: string, told: string, limits: Limits): Promise<Finding[]> {
  return [
    ...checkVersion(patient, info, told, limits),
    ...checkRole(info, told, limits),
    ...checkMemory(info, told),
    ...(await checkPersistence(patient, server, info, told)),
    ...checkReplicas(patient, info, told, limits),
    ...checkClusterRules(patient, info, limits),
  ];
}

function checkVersion(patient: Patient, info: string, told: string, limits: Limits): Finding[] {
  const valkey = field(info, "valkey_version");
  const version = field(info, "redis_version") ?? "";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const name = valkey ? `Valkey ${valkey}` : `Redis ${version}`;
  if (major < 6 || (major === 6 && minor < 2)) {
    limits.plain.push(`${name} is older than 6.2`);
    const lost = "callers poll in no order, without fencing tokens and hold records";
    return [finding("server-old", `${told}${name} is older than 6.2: ${lost}.`)];
  }
  if (patient.isCluster && major < 7) {
    limits.polling.push(`${name} is older than 7.0`);
    return [finding("server-old", `${told}${name} is older than 7.0, whose channels belong to slots: callers of a cluster poll.`)];
  }
  const mode = field(info, "redis_mode");
  return [finding("server", `${told}${name}${mode ? `, ${mode}` : ""}, role ${field(info, "role") ?? "unknown"}.`)];
}

function checkRole(info: string, told: string, limits: Limits): Finding[] {
  if (field(info, "role") !== "slave") {
    return [];
  }
  limits.none.push("it is a replica");
  const [host, port] = [field(info, "master_host"), field(info, "master_port")];
  return [finding("server-replica", `${told}The server is a replica${host ? ` of ${host}:${port}` : ""}: it takes no locks.`)];
}

function checkMemory(info: string, told: string): Finding[] {
  const policy = field(info, "maxmemory_policy");
  const limit = field(info, "maxmemory");
  if (policy === undefined || policy === "noeviction" || limit === undefined || limit === "0") {
    return [];
  }
  const human = field(info, "maxmemory_human") ?? `${limit} bytes`;
  return [
    finding(
      "server-evicts",
      `${told}With more than ${human} in memory the server deletes locks that are held (maxmemory-policy ${policy}).`,
    ),
  ];
}

async function checkPersistence(patient: Patient, server: Server, info: string, told: string): Promise<Finding[]> {
  if (field(info, "aof_enabled") !== "0") {
    return [];
  }
  // If CONFIG is refused, as in hosted services, it cannot be known whether snapshots are made.
  const [, save] = listOf(await patient.inspector.command(server.node, "CONFIG", "GET", "save")) ?? [];
  if (save !== "") {
    return [];
  }
  const text =
    "The server saves nothing (appendonly no, no save points): after its restart all locks are free, also those of running jobs.";
  return [finding("server-not-persistent", `${told}${text}`)];
}

function checkReplicas(patient: Patient, info: string, told: string, limits: Limits): Finding[] {
  const { safetyReplicas } = patient;
  if (safetyReplicas === null || field(info, "role") !== "master") {
    return [];
  }
  const online = [...info.matchAll(/^slave\d+:.*state=online/gm)].length;
  if (online >= safetyReplicas) {
    return [];
  }
  limits.none.push("too few replicas");
  const wanted = `safety.replicas is ${safetyReplicas}, and the master has ${online} online`;
  return [finding("replicas-too-few", `${told}${wanted}: calls fail with LOCK_NOT_REPLICATED.`)];
}

function checkClusterRules(patient: Patient, info: string, limits: Limits): Finding[] {
  const isNode = field(info, "cluster_enabled") === "1";
  if (isNode && !patient.isCluster) {
    limits.polling.push("it is a node of a cluster");
    return [finding("cluster-not-named", "The server is a node of a cluster, and the option cluster is not given: callers poll.")];
  }
  return [];
}

/**
 * @internal Checks whether the server follows the rules of a cluster behind one address, although neither INFO nor the option `cluster` says so.
 */
export async function checkOneAddress(patient: Patient, info: string | undefined): Promise<Finding[]> {
  if (patient.isCluster || (info !== undefined && field(info, "cluster_enabled") === "1")) {
    return [];
  }
  // These keys are in two slots.
  const said = errorOf(await patient.inspector.command(null, "EXISTS", `${patient.prefix}doctor-a`, `${patient.prefix}doctor-b`));
  if (said === undefined || !/CROSSSLOT|same slot/i.test(said)) {
    return [];
  }
  return [finding("cluster-one-address", "The server takes keys of one slot in a command only, as a cluster behind one address does.")];
}

/** @internal Compares the server's clock with this machine's. */
export async function checkClock(patient: Patient, server: Server, told: string): Promise<Finding[]> {
  const before = Date.now();
  const time = listOf(await patient.inspector.command(server.node, "TIME"));
  const after = Date.now();
  const serverMs = time ? Number(time[0]) * 1_000 + Number(time[1]) / 1_000 : Number.NaN;
  const offMs = serverMs < before ? serverMs - before : serverMs > after ? serverMs - after : 0;
  if (Number.isNaN(offMs) || Math.abs(offMs) <= CLOCK_TOLERANCE_MS) {
    return [];
  }
  const seconds = (Math.abs(offMs) / 1_000).toFixed(1);
  const side = offMs > 0 ? "ahead of" : "behind";
  return [finding("server-clock", `${told}The server's clock is ${seconds} s ${side} this machine's.`)];
}
