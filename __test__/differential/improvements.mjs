// The places where one call of ours differs on purpose from @medusajs/locking-redis 2.21.2, each with its reason. Any other difference is a
// fault of ours.
//
// `applies` gets the step and the owners before it. `ours` asserts the result of ours. `before` and `after` are objects of owners by key, as
// they stand in ours' namespace.

import assert from "node:assert/strict";

const list = (keys) => (Array.isArray(keys) ? keys : [keys]);
const ownerOf = (step) => step.args?.ownerId ?? "*";
const hasDuplicates = (step) => new Set(list(step.keys)).size < list(step.keys).length;
const isTaking = (step) => step.method === "acquire" || step.method === "execute";

/** Whether the value is given, but neither a number nor a string that contains a number. */
function isNoTime(value) {
  if (value === undefined || value === null || typeof value === "number") return false;
  return typeof value !== "string" || value.trim() === "" || Number.isNaN(Number(value));
}

/** Whether the key is neither a string nor a number. In a release a missing key does not count, because nobody holds it. */
function isNoKey(key, { method }) {
  return typeof key !== "string" && !Number.isFinite(key) && !(method === "release" && (key === undefined || key === null));
}

function refusedAsInvalid({ ours, before, after }) {
  assert.equal(ours.error?.type, "invalid_data", ours.text);
  assert.deepEqual(after, before, "a refused call changed something");
}

/** Asserts that the call succeeded. The jobs of these tests fail, so a call with a job must fail with the job's error. */
function worked(step, ours) {
  assert.equal(ours.error?.message, step.job ? "the job failed" : undefined, ours.text);
}

/** The keys that this acquire cannot get. */
function heldByOthers(step, held) {
  const owner = ownerOf(step);
  return list(step.keys).filter((key) => Object.hasOwn(held, key) && (held[key] !== owner || owner === "*"));
}

export const IMPROVEMENTS = [
  {
    id: "keys-are-strings",
    reason: "the official package turns anything into text, so that undefined locks the key “undefined” for everybody whose id was missing",
    applies: (step) => "keys" in step && list(step.keys).some((key) => isNoKey(key, step)),
    ours: refusedAsInvalid,
  },
  {
    id: "owners-are-strings",
    reason: "the same for owners: {} becomes “[object Object]”, an owner that everybody shares",
    applies: (step) => step.args?.ownerId != null && typeof step.args.ownerId !== "string" && !Number.isFinite(step.args.ownerId),
    ours: refusedAsInvalid,
  },
  {
    id: "reserved-owners",
    reason: "an owner that looks like an execute's or a grant's could free or extend what is not its own",
    applies: (step) => /^(grant|execute):/.test(ownerOf(step)),
    ours: refusedAsInvalid,
  },
  {
    id: "times-are-numbers",
    reason:
      "what is no number of seconds becomes some number of seconds, or none at all, in the official package: “abc” a second, “” for ever",
    applies: (step) => isTaking(step) && [step.args?.expire, step.args?.timeout].some(isNoTime),
    ours: refusedAsInvalid,
  },
  {
    id: "all-or-nothing",
    reason: "the official package keeps the keys it got before it met one that is held; without expire they stay locked for ever",
    applies: (step, held) => step.method === "acquire" && new Set(list(step.keys)).size > 1 && heldByOthers(step, held).length > 0,
    ours: ({ step, ours, before, after }) => {
      assert.equal(ours.error?.type, "conflict", ours.text);
      const named = heldByOthers(step, before).map((key) => `Failed to acquire lock for key "${key}"`);
      assert.ok(named.includes(ours.error.message), ours.text);
      assert.deepEqual(after, before, "a refused call changed something");
    },
  },
  {
    id: "fractional-expire",
    reason: "the official package hands 1.5 to Redis, which answers with an error in place of a lock; ours counts in milliseconds",
    applies: (step) => {
      const seconds = Math.max(step.args?.expire, 1);
      return isTaking(step) && step.args?.expire && Number.isFinite(seconds) && !Number.isInteger(seconds);
    },
    ours: ({ step, ours, before, after }) => {
      if (step.method === "acquire" && heldByOthers(step, before).length > 0) {
        assert.equal(ours.error?.type, "conflict", ours.text);
        return;
      }
      worked(step, ours);
      if (step.method === "acquire") for (const key of list(step.keys)) assert.equal(after[key], ownerOf(step));
    },
  },
  {
    id: "duplicate-keys-taken-once",
    reason:
      "a call that names a key twice meets its own lock: the official package refuses or, in execute, waits for itself until the timeout",
    applies: (step, held) =>
      isTaking(step) &&
      hasDuplicates(step) &&
      (step.method === "execute" || (ownerOf(step) === "*" && heldByOthers(step, held).length === 0)),
    ours: ({ step, ours, after }) => {
      worked(step, ours);
      if (step.method === "acquire") for (const key of list(step.keys)) assert.equal(after[key], "*");
    },
  },
  {
    id: "duplicate-keys-released-once",
    reason: "“true only if every key was released”: a key named twice was released, and the official package says false",
    applies: (step) => step.method === "release" && hasDuplicates(step),
    ours: ({ step, ours, before, after }) => {
      const all = list(step.keys).every((key) => before[key] === ownerOf(step));
      assert.equal(ours.value, all, ours.text);
      for (const key of list(step.keys)) assert.notEqual(after[key], ownerOf(step));
    },
  },
  {
    id: "execute-gives-back-on-timeout",
    reason: "an execute of several keys that times out leaves those it got locked for its whole lease in the official package",
    // Such a call takes a second to time out, so only the call table has it.
    slow: true,
    applies: (step, held) =>
      step.method === "execute" && new Set(list(step.keys)).size > 1 && list(step.keys).some((key) => Object.hasOwn(held, key)),
    ours: ({ ours, before, after }) => {
      assert.equal(ours.error?.type, "conflict", ours.text);
      assert.equal(ours.error.message, "Timed-out acquiring lock.");
      assert.deepEqual(after, before, "a timed-out call left something locked");
    },
  },
  {
    id: "release-all-of-everybody",
    reason: "without an owner, Medusa's interface and its other providers free every lock; the official package frees ownerless ones only",
    applies: (step) => step.method === "releaseAll" && step.args?.ownerId == null,
    ours: ({ ours, after }) => {
      assert.equal(ours.error, undefined, ours.text);
      assert.deepEqual(after, {});
    },
  },
];

/** @returns the first improvement that a step falls under, if any */
export function improvementFor(step, held) {
  return IMPROVEMENTS.find((one) => one.applies(step, held));
}
