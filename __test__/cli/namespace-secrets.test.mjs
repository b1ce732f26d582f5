// A URL in the place of the namespace. Texts about the namespace do not repeat the URL's password.

import assert from "node:assert/strict";
import { test } from "node:test";
import { grant, LEAST } from "../../harness/rights.mjs";
import { openTestbed } from "../support/testbed.mjs";
import { cli } from "./support.mjs";

const SECRET = "s3cret";
const NAMESPACE = `redis://u:${SECRET}@h/`;
const MASKED = "redis://***@h/";

const bed = openTestbed();

/** Runs a command, and returns its output. */
async function says(...args) {
  const { stdout, stderr } = await cli([...args, "--url", bed.url, "--namespace", NAMESPACE]);
  const text = stdout + stderr;
  assert.doesNotMatch(text, new RegExp(SECRET));
  return text;
}

test("list and show name a namespace without its password", async () => {
  assert.ok((await says("list")).includes(`namespace "${MASKED}"`));
  assert.ok((await says("show", "k")).includes(`namespace "${MASKED}"`));
});

test("so does the doctor, in its findings and in the commands that it advises", async () => {
  await bed.command("SET", `${NAMESPACE}k`, "somebody");
  const text = await says("doctor");
  assert.ok(text.includes(`in the namespace "${MASKED}"`), text);
  assert.ok(text.includes(`--namespace '${MASKED}' k`), text);
  assert.ok((await says("doctor", "--json")).includes(MASKED));
});

test("so does the finding of a right that is missing on the namespace's keys", async () => {
  await grant(bed, "elsewhere", LEAST);
  const url = `redis://elsewhere:pw@127.0.0.1:${bed.server.port}`;
  const { stdout } = await cli(["doctor", "--url", url, "--namespace", NAMESPACE]);
  assert.ok(stdout.includes(`the keys ~${MASKED}*`), stdout);
  assert.doesNotMatch(stdout, new RegExp(SECRET));
});
