import assert from "node:assert/strict";
import test from "node:test";
import { OURS, requireInstalled } from "../../harness/installed.mjs";
import { OURS_ONLY, openTestbed, refused } from "../support/testbed.mjs";

const bed = openTestbed();
const { labelOf } = requireInstalled(`${OURS}/provider/dist/medusa/context.js`);

test("a label that is no text is refused by execute and acquire", OURS_ONLY, async () => {
  const { locking } = await bed.boot();
  const message = '"label" must be a string, got a number.';
  await refused(
    locking.execute("k", async () => {}, { label: 5 }),
    { code: "INVALID_ARGUMENT", message },
  );
  await refused(locking.acquire("k", { label: 5 }), { code: "INVALID_ARGUMENT", message });
});

test("without a label, what Medusa's context says is the label", OURS_ONLY, () => {
  assert.equal(labelOf(undefined), undefined);
  assert.equal(labelOf({}), undefined);
  assert.equal(labelOf({ transactionId: "t1" }), "transaction t1");
  assert.equal(labelOf({ workflowId: "complete-cart", transactionId: "t1", requestId: "r1" }), "complete-cart, transaction t1, request r1");
  assert.equal(labelOf({ requestId: "r".repeat(500) }).length, 200);
});

test("an error is a MedusaError of Medusa's own class", OURS_ONLY, async () => {
  const { MedusaError } = requireInstalled("@medusajs/framework/utils");
  const { locking } = await bed.boot();
  const error = await refused(locking.acquire(null), { code: "INVALID_ARGUMENT", type: MedusaError.Types.INVALID_DATA });
  assert.ok(error instanceof MedusaError);
  assert.ok(MedusaError.isMedusaError(error));
  assert.ok(error.date instanceof Date);
  assert.equal(JSON.parse(JSON.stringify(error)).message, error.message);
});
