// Calls of one owner wait slot by slot. They hold the keys that they have in common together.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hold, NS, OURS_ONLY, until } from "../support/testbed.mjs";
import { openClusterBed, SPREAD } from "./support.mjs";

const bed = openClusterBed({ replicas: 0 });

/** The attempts in the hold record of a key. Each later one has an `@<ms>`: without it, the lock would end `ms` before the record's end. */
async function attemptsOf(key) {
  const name = (await bed.cluster.keys()).find((one) => one.endsWith(`h:${NS}${key}`));
  const [attempts = ""] = ((name && (await bed.cluster.cli("GET", name))) ?? "").split(":");
  return attempts.split(",").filter((attempt) => attempt !== "" && attempt !== "!");
}

/** Time in ms until the lock would end without the last of its attempts. */
async function endWithoutLast(key) {
  const before = Number((await attemptsOf(key)).at(-1).split("@")[1]);
  return (await bed.cluster.cli("PTTL", `${NS}${key}`)) - before;
}

test("a call that is withdrawn leaves the lock to a call of its owner that has asked for it again", OURS_ONLY, async () => {
  const slots = await Promise.all(SPREAD.map((key) => bed.cluster.slotOf(`${NS}${key}`)));
  // The order in which calls take these keys.
  const [shared, one, other] = SPREAD.toSorted((a, b) => slots[SPREAD.indexOf(a)] - slots[SPREAD.indexOf(b)]);
  const holder = await bed.boot();
  const [endOne, endOther] = [await hold(holder, one), await hold(holder, other)];
  const [first, second] = [await bed.boot(), await bed.boot()];
  const terms = { ownerId: "crew", awaitQueue: true, expire: 3, timeout: 60 };
  const taken = first.locking.acquire([shared, one], terms);
  await until("the first has the shared key", async () => (await bed.owner(shared)) === "crew");
  const withdrawn = new AbortController();
  const given = second.locking.acquire([shared, other], { ...terms, signal: withdrawn.signal }).catch((error) => error);
  await until("the second has it, too", async () => (await attemptsOf(shared)).length === 2);
  // The first asks again meanwhile, so the roll-back below must not restore the end that the lock has without the second now.
  const over = Date.now() + (await endWithoutLast(shared)) + 100;
  await until("that end has passed", () => Date.now() > over);
  withdrawn.abort(new Error("no more"));
  assert.equal((await given).message, "no more");
  await until("it is rolled back", async () => (await attemptsOf(shared)).length < 2);
  assert.equal(await bed.owner(shared), "crew");
  await endOne();
  await taken;
  assert.equal(await bed.owner(shared), "crew");
  await endOther();
});
