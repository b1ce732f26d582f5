import { createHash } from "node:crypto";
import type { Outcome } from "../answers";
import { errorOf, textOf } from "../inspector";
import { typed } from "../words";
import { type Finding, finding } from "./findings";
import type { Limits, Patient, Server } from "./patient";

/** Runs one command as the scripts of locks do, and returns its error as a reply. */
const TRY = "return redis.pcall(unpack(ARGV))";
/** A script that a server knows only if it has run it. */
const KEPT = "return 'medusa-locking-redis doctor'";
/** A client name that nobody has. */
const NOBODY = "doctor";

type Commands = readonly (readonly string[])[];

/** Commands that change nothing if the key does not exist, as here. */
function onLocks(key: string): Commands {
  return [
    ["GET", key],
    ["PTTL", key],
    ["SET", key, NOBODY, "XX", "PX", "1"],
    ["DEL", key],
    ["PEXPIRE", key, "1"],
  ];
}

function onSideKeys(key: string): Commands {
  return [
    ["GET", key],
    ["SET", key, NOBODY, "XX", "PX", "1"],
    ["MGET", key],
    ["EXISTS", key],
    // `x` is no number, but the server checks the right first.
    ["INCRBY", key, "x"],
    ["PTTL", key],
    ["PERSIST", key],
    ["TIME"],
    ["ZADD", key, "XX", "1", NOBODY],
    ["ZPOPMIN", key],
    ["ZRANGE", key, "0", "0"],
    ["ZREM", key, NOBODY],
    ["ZSCORE", key, NOBODY],
  ];
}

/**
 * @internal Tries all commands that locks need, without a change in Redis. If a user has few rights or a proxy refuses a command, only a try shows
 * it. Adds to `limits` the features that an instance would lack. A right that could not be tried is left to the other findings.
 */
export async function checkRights(patient: Patient, server: Server, limits: Limits): Promise<Finding[]> {
  const { inspector, prefix } = patient;
  const send = (...parts: string[]) => inspector.command(server.node, ...parts);
  const refused = await shown("EVAL", send("EVAL", "return 1", "0"));
  if (refused !== undefined) {
    limits.none.push("EVAL is refused");
    return [finding("right-locks", `The Redis user may not use ${refused}, so no lock can be kept.`)];
  }
  const found: Finding[] = [];
  const locks = await refusedIn(send, onLocks(server.lockKey), server.lockKey, `~${typed(prefix)}*`);
  if (locks !== undefined) {
    limits.none.push(`${locks.what} may not be used`);
    const cost = "every call fails with REDIS_REFUSED";
    found.push(finding("right-locks", `The Redis user may not use ${locks.what} for locks: ${cost}.${locks.rules}`));
  }
  const sideKey = `${server.sidePrefix}w:${server.lockKey}`;
  const side = await refusedIn(send, onSideKeys(sideKey), sideKey, "~mlr!*");
  if (side !== undefined) {
    limits.plain.push(`${side.what} may not be used for side keys`);
    const cost = "callers poll in no order, without fencing tokens and hold records";
    found.push(finding("right-side-keys", `The Redis user may not use ${side.what} for side keys: ${cost}.${side.rules}`));
  }
  found.push(...(await checkChannels(patient, server, limits)));
  found.push(...(await checkResp3(patient, server, limits)));
  found.push(...(await checkScriptsKept(send, server)));
  found.push(...(await checkOthers(patient, send, limits)));
  return found;
}

type Send = (...parts: string[]) => Promise<Outcome>;

/** The refused commands or keys, and a sentence with the missing rules, if an ACL refuses them. */
interface Refused {
  what: string;
  rules: string;
}

/** Finds those of these commands that are refused in a script; undefined: none. `keys` is the name of such keys in an ACL. */
async function refusedIn(send: Send, commands: Commands, key: string, keys: string): Promise<Refused | undefined> {
  const refused: string[] = [];
  let isAboutKeys = true;
  let isAcl = true;
  for (const [name = "", ...rest] of commands) {
    const said = errorOf(await send("EVAL", TRY, "1", key, name, ...rest));
    if (said !== undefined && FORBIDDEN.test(said)) {
      refused.push(name);
      isAcl &&= BY_ACL.test(said);
      isAboutKeys &&= /\bkeys?\b/i.test(said) && !/run the/i.test(said);
    }
  }
  if (refused.length === 0) {
    return undefined;
  }
  const rules = isAboutKeys ? keys : refused.map((name) => `+${name.toLowerCase()}`).join(" ");
  return { what: isAboutKeys ? `the keys ${keys}` : refused.join(", "), rules: isAcl ? ` Missing in its ACL: ${rules}` : "" };
}

async function checkChannels(patient: Patient, server: Server, limits: Limits): Promise<Finding[]> {
  const send: Send = (...parts) => patient.inspector.command(server.node, ...parts);
  const channel = `mlr!c:${NOBODY}`;
  const slotChannel = `${server.sidePrefix}c:${NOBODY}`;
  const published = await send("PUBLISH", channel, "");
  const inSlot = patient.isCluster ? await send("SPUBLISH", slotChannel, "") : undefined;
  const refused = [
    shownOf("PUBLISH", published),
    await subscribes(send, "SUBSCRIBE", "UNSUBSCRIBE", channel),
    ...(inSlot ? [shownOf("SPUBLISH", inSlot), await subscribes(send, "SSUBSCRIBE", "SUNSUBSCRIBE", slotChannel)] : []),
  ].filter((text) => text !== undefined);
  if (refused.length === 0) {
    return checkReceivers(inSlot ?? published, limits);
  }
  limits.polling.push("channels are refused");
  return [finding("right-channels", `The Redis user, or a proxy, refuses ${refused.join("; ")}: callers poll and are served in no order.`)];
}

/**
 * `published` is the reply to a message for a client that does not exist. A connection that gets this message gets all messages, so a number of
 * receivers would not prove that a client is alive.
 */
function checkReceivers(published: Outcome, limits: Limits): Finding[] {
  const heard = "value" in published ? Number(published.value) : 0;
  if (!(heard > 0)) {
    return [];
  }
  limits.polling.push("somebody listens to all channels");
  const listeners = heard === 1 ? "1 connection listens" : `${heard} connections listen`;
  const cost = "instances that connect now poll and are served in no order, and a killed process in a queue costs the others seconds";
  return [finding("channels-overheard", `${listeners} to all channels, as PSUBSCRIBE * does: ${cost}.`)];
}

/** Whether a subscription is refused. A subscribed connection takes other commands again only after it has unsubscribed. */
async function subscribes(send: Send, enter: string, leave: string, channel: string): Promise<string | undefined> {
  const refused = await shown(enter, send(enter, channel));
  if (refused === undefined && errorOf(await send(leave, channel)) !== undefined) {
    // A user with few rights may not be allowed to unsubscribe. Then the connection is closed, and the inspector connects again.
    await send("QUIT");
  }
  return refused;
}

async function checkResp3(patient: Patient, server: Server, limits: Limits): Promise<Finding[]> {
  if (!patient.wantsResp3) {
    limits.polling.push("the option protocol says RESP2");
    return [finding("resp2-only", "redisOptions.protocol is 2, and RESP2 has no pushes: callers poll and are served in no order.")];
  }
  const said = errorOf(await patient.inspector.command(server.node, "HELLO", "3"));
  if (said === undefined) {
    await patient.inspector.command(server.node, "HELLO", "2");
    return [];
  }
  limits.polling.push("there is no RESP3");
  return [finding("resp2-only", `HELLO 3 is refused (${said}), so there are no pushes: callers poll and are served in no order.`)];
}

async function checkScriptsKept(send: Send, server: Server): Promise<Finding[]> {
  await send("EVAL", KEPT, "1", server.lockKey);
  const said = errorOf(await send("EVALSHA", createHash("sha1").update(KEPT).digest("hex"), "1", server.lockKey));
  if (said === undefined || !(said.startsWith("NOSCRIPT") || FORBIDDEN.test(said))) {
    return [];
  }
  const what = FORBIDDEN.test(said) ? `EVALSHA is refused (${said})` : "The server forgot a script that it had just run";
  return [finding("scripts-not-kept", `${what}: every script is sent in full.`)];
}

async function checkOthers(patient: Patient, send: Send, limits: Limits): Promise<Finding[]> {
  const found: Finding[] = [];
  const check = async (id: "right-scan" | "right-client" | "right-script" | "right-select", cost: string, ...parts: string[]) => {
    const refused = await shown(parts[0] ?? "", send(...parts));
    if (refused !== undefined) {
      found.push(finding(id, `The Redis user, or a proxy, refuses ${refused}: ${cost}.`));
    }
  };
  await check("right-scan", "releaseAll fails, and locks cannot be listed", "SCAN", "0", "COUNT", "1");
  const late = "a command that was under way when a connection broke may keep its key locked until its lease ends";
  await check("right-client", late, "CLIENT", "ID");
  await check(
    "right-script",
    "waiting callers of the official package cannot be noticed, so busy keys are left free now and then as if there were some",
    "SCRIPT",
    "EXISTS",
    "0".repeat(40),
  );
  if (!patient.isCluster) {
    await check("right-select", "only database 0 can be used", "SELECT", String(patient.database));
  }
  if (patient.safetyReplicas !== null) {
    const refused = await shown("WAIT", send("WAIT", "0", "1"));
    if (refused !== undefined) {
      limits.none.push("WAIT is refused");
      found.push(finding("right-wait", `The option safety needs WAIT, and Redis refuses ${refused}: every call fails.`));
    }
  }
  return found;
}

/** These replies mean that the login failed, for example because the user is "disabled". */
const NOT_LET_IN = /^(WRONGPASS|NOAUTH)/;
const FORBIDDEN = /noperm|permission|unknown (sub)?command|unsupported|not supported|disabled|can't run|can't access/i;

/** The texts of an ACL's refusal: to a command, and within a script. */
const BY_ACL = /NOPERM|user executing the script/;

/** @internal Whether a command is refused permanently: a right is missing, or a proxy does not know the command. */
export function isRefused(outcome: Outcome): boolean {
  const said = errorOf(outcome);
  return said !== undefined && !NOT_LET_IN.test(said) && FORBIDDEN.test(said);
}

/** The command with the server's reason, if the server refuses it. */
async function shown(name: string, sent: Promise<Outcome>): Promise<string | undefined> {
  return shownOf(name, await sent);
}

function shownOf(name: string, outcome: Outcome): string | undefined {
  if (!isRefused(outcome)) {
    return undefined;
  }
  const said = errorOf(outcome) ?? "";
  const rule = /\bchannel/.test(said) ? "&mlr!*" : `+${name.toLowerCase()}`;
  return `${name} (${said}${BY_ACL.test(said) ? `; missing in the ACL: ${rule}` : ""})`;
}

/** @internal INFO of a server; undefined: the server refuses it. */
export async function infoOf(patient: Patient, node: string | null): Promise<{ info: string | undefined; refused: string | undefined }> {
  const outcome = await patient.inspector.command(node, "INFO");
  return { info: textOf(outcome), refused: errorOf(outcome) };
}
