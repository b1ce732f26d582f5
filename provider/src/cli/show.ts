import { partOf } from "../client/words";
import { explain, whatToDo } from "../inspect/explain";
import { textOf } from "../inspect/inspector";
import type { LockStatus } from "../inspect/lock-status";
import { findLock } from "../inspect/locks";
import { duration, shown, typed } from "../inspect/words";
import { defaultConnectionName } from "../options/connection-options";
import { CommandError, EXIT } from "./exit-codes";
import { ownCommand } from "./own-command";
import { askedOf, type Session } from "./session";
import { wrapped } from "./table";
import { print, printJson, width } from "./terminal";

/** A sentence is hard to read if its lines are longer, also in a wider terminal. */
const WIDEST = 100;
const LEAST_TEXT = 20;
const MOST_PLACES = 10;

/** @internal Shows one lock. */
export async function show(session: Session): Promise<number> {
  const lock = await lockNamed(session);
  if (session.given.has("json")) {
    printJson(lock);
  } else {
    print([...linesOf(lock, await connectedNow(session, lock)), ...adviceLines(session, lock)]);
  }
  return EXIT.fine;
}

/** @internal The lock that the command line names. Throws CommandError if nobody holds it or waits for it. */
export async function lockNamed({ inspector, settings, given }: Session): Promise<LockStatus> {
  const [key = ""] = given.words;
  const lock = await findLock(inspector, settings.prefix, key);
  if (!lock) {
    throw new CommandError(`nobody holds "${typed(key)}" or waits for it (${askedOf(settings)})`, EXIT.trouble);
  }
  return lock;
}

/**
 * @internal The processes that have connections to Redis, as `host:pid`, if the holder of the lock did not answer: one of them may be the holder.
 * Empty if Redis does not tell them.
 */
export async function connectedNow({ inspector, settings }: Session, { holderAnswers }: LockStatus): Promise<string[]> {
  // In a cluster each node has its own list.
  if (holderAnswers !== false || settings.isCluster) {
    return [];
  }
  const clients = textOf(await inspector.command(null, "CLIENT", "LIST")) ?? "";
  const names = [...clients.matchAll(/ name=(medusa-locking:\S+:\d+) /g)].flatMap(([, name]) => name ?? []);
  const others = [...new Set(names)].filter((name) => name !== defaultConnectionName());
  return others.map((name) => name.slice("medusa-locking:".length)).sort();
}

/** @internal All that is known about a lock. `connected`: see {@link connectedNow}. */
export function linesOf(lock: LockStatus, connected: string[]): string[] {
  const { holder, waiters } = lock;
  const facts: [string, string | null][] = [
    ["key", shown(lock.key)],
    ["owner", lock.owner === null ? null : shown(lock.owner)],
    ["kind", lock.kind],
    ["token", lock.token === null ? null : String(lock.token)],
    ["holder", holder && `${shown(holder.host)} pid ${holder.pid}`],
    ["connection", holder?.connection ? shown(holder.connection) : null],
    ["version", holder && `${shown(holder.package)} on ${shown(holder.node)}, mode ${shown(holder.mode)}`],
    ["label", lock.label === null ? null : shown(lock.label)],
    ["held", lock.heldMs === null ? null : duration(lock.heldMs)],
    ["lease", leaseInWords(lock)],
    ["state", lock.state],
    ["connected", connectedInWords(connected)],
    ["waiting", `${waiters.count} known, ${waiters.clients} in the queue in Redis`],
  ];
  const known = facts.filter((fact): fact is [string, string] => fact[1] !== null && fact[1] !== "");
  return [...known.map(([name, value]) => `${name.padEnd(12)}${value}`), "", ...explain(lock).flatMap(sentenceLines)];
}

/** The command has its own line, so that it can be copied. */
function adviceLines({ given }: Session, lock: LockStatus): string[] {
  const { text, toRelease } = whatToDo(lock);
  return [...sentenceLines(text), ...(toRelease ? [`  ${ownCommand(given, "release", lock.key)}`] : [])];
}

function sentenceLines(sentence: string): string[] {
  return wrapped(sentence, Math.max(LEAST_TEXT, Math.min(width() ?? WIDEST, WIDEST)));
}

function connectedInWords(places: string[]): string | null {
  const more = places.length > MOST_PLACES ? ` and ${places.length - MOST_PLACES} more` : "";
  return places.length === 0 ? null : `now: ${places.slice(0, MOST_PLACES).map(partOf).join(", ")}${more}`;
}

function leaseInWords({ owner, leaseMs, leaseLeftMs }: LockStatus): string | null {
  if (owner === null) {
    return null;
  }
  if (leaseLeftMs === null) {
    return "no end";
  }
  return `${leaseMs === null ? "" : `${duration(leaseMs)}, of which `}${duration(leaseLeftMs)} ${leaseMs === null ? "left" : "are left"}`;
}
