import type { ProcessFacts } from "../answers";
import { InspectionError, type Inspector, listOf } from "../inspector";
import type { LockStatus } from "../lock-status";
import { ANSWER_WAIT_MS, listLocks } from "../locks";
import { typed } from "../words";
import { type Finding, finding } from "./findings";
import type { Patient } from "./patient";

/** The most locks that are checked. */
const MOST_LOCKS = 10_000;
/** The most names in one text. */
const MOST_NAMES = 5;
/** The most findings about stuck instances. */
const MOST_STUCK = 20;

/** @internal Which instances answer, and whether they agree. */
export async function checkInstances({ inspector }: Patient): Promise<Finding[]> {
  let processes: ProcessFacts[];
  try {
    processes = (await inspector.ask(null, ANSWER_WAIT_MS)).answers.map(({ process }) => process);
  } catch (error) {
    return [finding("instances-unknown", `The instances cannot be asked: ${reasonOf(error)}`)];
  }
  if (processes.length === 0) {
    return [finding("instances-none", "No instance of this package answers.")];
  }
  const found = [
    finding("instances", `${count(processes.length, "instance")} of this package ${processes.length === 1 ? "answers" : "answer"}.`),
  ];
  const versions = groups(processes, (process) => process.package);
  if (versions.size > 1) {
    found.push(finding("instances-versions", `Instances have different versions of this package: ${shownGroups(versions)}.`));
  }
  const options = groups(processes, (process) => process.options ?? "");
  if (options.size > 1) {
    found.push(finding("instances-options", `Instances have different options: ${shownGroups(options)}.`));
  }
  const modes = groups(processes, (process) => process.mode);
  if (modes.size > 1) {
    found.push(finding("instances-modes", `Instances wait in different ways: ${shownGroups(modes)}.`));
  } else if (!modes.has("hand-off")) {
    found.push(finding("instances-modes", `All instances poll: ${shownGroups(modes)}.`));
  }
  const stuck = processes.filter(({ stuckMs }) => stuckMs !== null);
  for (const { host, pid, stuckMs } of stuck.slice(0, MOST_STUCK)) {
    const since = ((stuckMs ?? 0) / 1_000).toFixed(1);
    found.push(finding("instance-stuck", `The event loop of ${host}, pid ${pid}, has been stuck for ${since} s.`));
  }
  if (stuck.length > MOST_STUCK) {
    found.push(finding("instance-stuck", `The event loops of ${stuck.length - MOST_STUCK} more instances are stuck.`));
  }
  return found;
}

/** @internal Checks which locks look wrong. */
export async function checkLocks(patient: Patient): Promise<Finding[]> {
  const { inspector, prefix } = patient;
  try {
    const { locks, more, unasked } = await listLocks(inspector, prefix, MOST_LOCKS);
    const found = [finding("locks", `${count(locks.length, "lock")} in the namespace "${typed(prefix)}".`)];
    if (more) {
      found.push(finding("locks-not-read", `There are more than ${MOST_LOCKS} locks; the others were not looked at.`));
    }
    const keysOf = (chosen: LockStatus[]) => chosen.map(({ key }) => key);
    const silent = keysOf(locks.filter(({ holderAnswers }) => holderAnswers === false));
    if (silent.length > 0) {
      found.push(finding("holder-silent", `${heldBy(silent)} held by a process that does not answer: ${names(silent)}.`, silent));
    }
    const endless = keysOf(locks.filter(isEndless)).filter((key) => !silent.includes(key) || unasked === null);
    if (endless.length > 0) {
      const text = `${heldBy(endless)} held without an end by somebody who does not answer or is not known: ${names(endless)}.`;
      found.push(finding("lock-without-end", text, endless));
    }
    const official = keysOf(locks.filter(({ kind }) => kind === "official"));
    if (official.length > 0) {
      found.push(finding("locks-official", `${heldBy(official)} held by the official package: ${names(official)}.`, official));
    }
    return [...found, ...(await checkQueues(patient, locks))];
  } catch (error) {
    return [finding("locks-not-read", `The locks could not be read: ${reasonOf(error)}`)];
  }
}

function isEndless({ owner, leaseLeftMs, holderAnswers }: LockStatus): boolean {
  return owner !== null && leaseLeftMs === null && holderAnswers !== true;
}

/** Finds clients that are in a queue but listen to no channel. */
async function checkQueues({ inspector, prefix }: Patient, locks: LockStatus[]): Promise<Finding[]> {
  const queued = locks.filter(({ waiters }) => waiters.clients > 0).map(({ key }) => prefix + key);
  const gone: string[] = [];
  for (const { key, queue } of await inspector.read(queued)) {
    for (const { client } of queue) {
      if (!(await isListening(inspector, client))) {
        gone.push(key.slice(prefix.length));
      }
    }
  }
  if (gone.length === 0) {
    return [];
  }
  const keys = [...new Set(gone)];
  return [finding("waiters-gone", `${count(gone.length, "client")} that left stand in the queue of ${names(keys)}.`, keys)];
}

/**
 * Whether a client listens. A client of a cluster listens to one channel per slot, at that slot's node, so it is not checked here: its process
 * answers the census.
 */
async function isListening(inspector: Inspector, client: string): Promise<boolean> {
  if (client.startsWith("s")) {
    return true;
  }
  const counts = listOf(await inspector.command(null, "PUBSUB", "NUMSUB", `mlr!c:${client}`));
  return counts === undefined || Number(counts[1]) > 0;
}

function groups(processes: ProcessFacts[], nameOf: (process: ProcessFacts) => string): Map<string, ProcessFacts[]> {
  const all = new Map<string, ProcessFacts[]>();
  for (const process of processes) {
    all.set(nameOf(process), [...(all.get(nameOf(process)) ?? []), process]);
  }
  return all;
}

function shownGroups(all: Map<string, ProcessFacts[]>): string {
  const texts = [...all].map(([name, processes]) => `${name} (${names(processes.map(({ host, pid }) => `${host}, pid ${pid}`))})`);
  const rest = texts.length - MOST_NAMES;
  return `${texts.slice(0, MOST_NAMES).join("; ")}${rest > 0 ? `; and ${rest} more` : ""}`;
}

function names(all: string[]): string {
  const rest = all.length - MOST_NAMES;
  return `${all.slice(0, MOST_NAMES).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function heldBy(keys: string[]): string {
  return `${count(keys.length, "lock")} ${keys.length === 1 ? "is" : "are"}`;
}

function reasonOf(error: unknown): string {
  if (error instanceof InspectionError) {
    return error.message;
  }
  throw error;
}
