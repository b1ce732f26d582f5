import { randomUUID } from "node:crypto";
import type { Outcome } from "../answers";
import { errorOf } from "../inspector";
import { connectionFinding } from "./connection";
import { type Finding, finding } from "./findings";
import { checkInstances, checkLocks } from "./fleet";
import type { Limits, Patient, Server } from "./patient";
import { checkRights, infoOf, isRefused } from "./rights";
import { checkClock, checkOneAddress, checkServer } from "./server";

/** The most keys that are tried to find one in a slot of the node. */
const MOST_TAGS = 512;

/** @internal All findings of the doctor. It changes nothing in Redis. */
export async function examine(patient: Patient): Promise<Finding[]> {
  const options = patient.warnings.map((warning) => finding("option", warning));
  const reached = await reach(patient);
  if (!reached.isThere) {
    return [...options, reached.finding];
  }
  const found = [...options, reached.finding];
  const limits: Limits = { polling: [], plain: [], none: [] };
  const nodes = reached.nodes.length > 0 ? reached.nodes : [null];
  for (const node of nodes) {
    found.push(...(await examineNode(patient, node, limits)));
  }
  const rightIds = found.filter(({ id }) => id.startsWith("right-"));
  if (rightIds.length === 0) {
    found.push(finding("rights", "The Redis user may do everything that locks need."));
  }
  found.push(...modeOf(limits), ...(await checkInstances(patient)), ...(await checkLocks(patient)));
  // If the server went away meanwhile, the findings about it mean nothing.
  const still = await reach(patient);
  return still.isThere ? merged(found) : [...options, still.finding];
}

interface Reached {
  isThere: boolean;
  finding: Finding;
  /** The masters of a cluster. */
  nodes: string[];
}

async function reach(patient: Patient): Promise<Reached> {
  const { inspector } = patient;
  if (patient.isCluster) {
    const nodes = await inspector.nodes().catch((error: Error) => error);
    if (nodes instanceof Error || nodes.length === 0) {
      const isThere = false;
      const reason = nodes instanceof Error ? nodes.message : "the server is no node of a cluster";
      return { isThere, finding: await connectionFinding(reason, patient), nodes: [] };
    }
    return { isThere: true, finding: finding("connected", `The cluster answers: ${nodes.join(", ")}.`), nodes };
  }
  // A user who may not PING gets an error reply, which shows that the login worked.
  const outcome = await inspector.command(null, "PING");
  const reason = troubleOf(outcome);
  return reason === undefined
    ? { isThere: true, finding: finding("connected", "Redis answers."), nodes: [] }
    : { isThere: false, finding: await connectionFinding(reason, patient), nodes: [] };
}

/** Why the server cannot be used. undefined: it answers, perhaps only that this user may not PING. */
function troubleOf(outcome: Outcome): string | undefined {
  return "broken" in outcome ? outcome.broken : isRefused(outcome) ? undefined : errorOf(outcome);
}

async function examineNode(patient: Patient, node: string | null, limits: Limits): Promise<Finding[]> {
  const server = await serverAt(patient, node);
  const name = node === null ? "" : `${node}: `;
  const { info, refused } = await infoOf(patient, node);
  const found: Finding[] = [];
  if (info !== undefined) {
    found.push(...(await checkServer(patient, server, info, name, limits)));
  } else {
    found.push(finding("right-info", `The Redis user, or a proxy, refuses INFO (${refused ?? "no text"}): most checks are left out.`));
  }
  found.push(...(await checkOneAddress(patient, info)), ...(await checkClock(patient, server, name)));
  found.push(...(await checkRights(patient, server, limits)));
  if (info === undefined && found.some(({ id }) => id === "resp2-only")) {
    limits.polling.push("both INFO and HELLO are refused");
  }
  return found;
}

/** A key for the checks. In a cluster it must be in a slot of that node. */
async function serverAt({ inspector, prefix }: Patient, node: string | null): Promise<Server> {
  const [, own] = /\{([^}]+)\}/.exec(prefix) ?? [];
  // Nobody locks this key.
  const name = `doctor-${randomUUID()}`;
  let tag = own ?? name;
  for (let at = 0; node !== null && own === undefined && at < MOST_TAGS; at += 1) {
    tag = `${name}-${at}`;
    const said = errorOf(await inspector.command(node, "EXISTS", `${prefix}{${tag}}`));
    if (said === undefined || !said.startsWith("MOVED")) {
      break;
    }
  }
  return { node, lockKey: own === undefined ? `${prefix}{${tag}}` : `${prefix}${name}`, sidePrefix: `mlr!{${tag}}` };
}

function modeOf({ none, plain, polling }: Limits): Finding[] {
  const [why] = [...plain, ...polling];
  if (none.length > 0) {
    return [];
  }
  if (plain.length > 0) {
    return [finding("mode-plain", `An instance would wait in mode plain, because ${why}.`)];
  }
  if (polling.length > 0) {
    return [finding("mode-polling", `An instance would wait in mode polling, because ${why}.`)];
  }
  return [finding("mode-hand-off", "An instance would wait in mode hand-off: one queue, locks are handed over.")];
}

/** Nodes of a cluster often have the same trouble, which is reported once. */
function merged(found: Finding[]): Finding[] {
  const seen = new Set<string>();
  return found.filter(({ id, text }) => {
    const isNew = !seen.has(`${id} ${text}`);
    seen.add(`${id} ${text}`);
    return isNew;
  });
}
