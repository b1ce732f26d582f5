// Helpers for the tests of Sentinels: a master with replicas and Sentinels, and providers that ask the Sentinels.

import assert from "node:assert/strict";
import { after } from "node:test";
import { startSentinels } from "../../harness/sentinels.mjs";
import { NS, SERVER } from "../support/testbed.mjs";

/** The beginning of the log line about a boot that did not reach Redis. */
export const FAILED = 'An error occurred while connecting to Redis in provider "locking-redis": ';

/** The URL leads to no server, because with Sentinels the URL must not matter. */
export const NOWHERE = "redis://127.0.0.1:1";

/** Starts a group as `startSentinels` does. The group ends after this file's last test. */
export async function openGroup(options = {}) {
  const group = await startSentinels({ version: SERVER, ...options });
  after(() => group.stop());
  return group;
}

/** Options of a provider that asks the group. */
export function asking(group, redisOptions = {}) {
  return { redisUrl: NOWHERE, redisOptions: { ...group.options, ...redisOptions } };
}

/** Takes a lock, finds it on the master, and gives it back. */
export async function takesALockOnTheMaster({ locking }, group) {
  await locking.acquire("taken", { ownerId: "me" });
  assert.equal(await (await group.master()).cli("GET", `${NS}taken`), "me");
  assert.equal(await locking.release("taken", { ownerId: "me" }), true);
}
