// The checker of the histories must see what it is for.

import assert from "node:assert/strict";
import test from "node:test";
import { checkAnswers, checkHolds, checkLeftOver, readHistory } from "../../harness/histories/checker.mjs";

const hold = (id, from, to, token, rest = {}) => ({
  by: 1,
  id,
  kind: "execute",
  keys: ["k"],
  tokens: [token],
  from,
  to,
  lost: false,
  ...rest,
});

test("holds one after the other with rising tokens are no violation", () => {
  assert.deepEqual(checkHolds([hold(1, 0, 5, 10), hold(2, 5, 9, 11), hold(3, 9.5, 9.5, 12)]), { violations: [], permitted: 0 });
});

test("two proven times of one key that overlap are reported, in whatever order they were written", () => {
  const { violations } = checkHolds([hold(2, 4, 9, 11), hold(1, 0, 5, 10)]);
  assert.equal(violations.length, 1);
  assert.match(violations[0], /^two holders of "k": execute 1 .* and execute 2 /);
});

test("a short hold in the middle of a long one is reported, also when others came in between", () => {
  const { violations } = checkHolds([hold(1, 0, 100, 10), hold(2, 20, 21, 11), hold(3, 50, 51, 12)]);
  assert.equal(violations.length, 2);
});

test("holds of several keys overlap if they share one", () => {
  const one = hold(1, 0, 5, 10, { keys: ["a", "b"], tokens: [10, 10] });
  assert.equal(checkHolds([one, hold(2, 1, 2, 11, { keys: ["c"], tokens: [11] })]).violations.length, 0);
  assert.match(checkHolds([one, hold(2, 1, 2, 11, { keys: ["b"], tokens: [11] })]).violations[0], /^two holders of "b"/);
});

test("a token that does not rise is reported, also after a hold without one", () => {
  assert.match(checkHolds([hold(1, 0, 1, 10), hold(2, 2, 3, 10)]).violations[0], /^the token of "k" did not rise/);
  assert.match(checkHolds([hold(1, 0, 1, 10), hold(2, 2, 3, null), hold(3, 4, 5, 9)]).violations[0], /^the token of "k" did not rise/);
});

test("a loss of data explains an overlap of a hold before it with one after it, and no other", () => {
  const dataLost = [{ from: 10, to: 11 }];
  const rules = { dataLost, leaseMs: 400 };
  assert.deepEqual(checkHolds([hold(1, 0, 50, 1), hold(2, 20, 30, 2)], rules), { violations: [], permitted: 1 });
  assert.equal(checkHolds([hold(1, 0, 50, 1), hold(2, 5, 6, 2)], rules).violations.length, 1, "before the loss");
  assert.equal(checkHolds([hold(1, 50, 70, 1), hold(2, 65, 80, 2)], rules).permitted, 1, "its grant was told after the loss");
  assert.equal(checkHolds([hold(1, 212, 230, 1), hold(2, 220, 230, 2)], rules).violations.length, 1, "after the loss");
  assert.equal(checkHolds([hold(1, 0, 412, 1), hold(2, 20, 30, 2)], rules).violations.length, 1, "longer than its lease");
});

test("a loss of data explains the smaller token of a job that began late on a grant from before it, and no other", () => {
  const rules = { dataLost: [{ from: 10, to: 11 }], leaseMs: 400 };
  assert.deepEqual(checkHolds([hold(1, 20, 21, 9), hold(2, 22, 23, 5)], rules), { violations: [], permitted: 1 });
  assert.equal(checkHolds([hold(1, 20, 21, 9), hold(2, 212, 213, 5)], rules).violations.length, 1, "it began long after the loss");
  assert.equal(checkHolds([hold(1, 5, 6, 9), hold(2, 7, 8, 5)], rules).violations.length, 1, "before the loss");
});

test("a loss of data explains what a process that stood still proves late, if its token is from before the loss", () => {
  const rules = { dataLost: [{ from: 10, to: 11, token: 100 }], leaseMs: 400 };
  const [late, next] = [hold(1, 300, 301, 95), hold(2, 299, 302, null)];
  assert.deepEqual(checkHolds([hold(3, 290, 291, 101), next, late], rules), { violations: [], permitted: 2 });
  assert.equal(checkHolds([hold(1, 300, 301, 101), next], rules).violations.length, 1, "its token is from after the loss");
  assert.equal(checkHolds([hold(1, 300, 412, 95), next], rules).violations.length, 1, "it lasts longer than its lease");
  const both = [hold(1, 5, 20, 90), hold(2, 12, 14, 95)];
  assert.equal(checkHolds(both, rules).violations.length, 1, "the second was taken before the loss, too");
});

test("holds of one owner may overlap and have the same token, and those of two may not", () => {
  const me = { owner: "me", asked: 0 };
  assert.deepEqual(checkHolds([hold(1, 0, 50, 10, me), hold(2, 5, 60, 10, me)]).violations, []);
  assert.match(checkHolds([hold(1, 0, 50, 10, me), hold(2, 5, 60, 9, me)]).violations[0], /did not rise/);
  assert.match(checkHolds([hold(1, 0, 50, 10, me), hold(2, 5, 60, 11, { owner: "you", asked: 0 })]).violations[0], /^two holders of "k"/);
});

test("a release by another process ends what an owner's hold proves, if its lock heard of it in time", () => {
  const [me, you] = [
    { owner: "me", asked: -5 },
    { owner: "you", asked: 0 },
  ];
  const release = (by, from) => ({ releases: [{ by, owner: "me", keys: ["k"], from, to: from + 1 }] });
  const holds = (to) => [hold(1, 0, to, 10, me), hold(2, 25, 60, 11, you)];
  assert.deepEqual(checkHolds(holds(50), release(2, 20)).violations, []);
  assert.equal(checkHolds(holds(50)).violations.length, 1, "nobody released it");
  assert.equal(checkHolds(holds(50), release(1, 20)).violations.length, 1, "its own process did, which knew of it");
  assert.equal(checkHolds(holds(5_000), release(2, 20)).violations.length, 1, "its lock did not hear of it");
});

test("a release that overtakes its own process' acquire ends what that proves, if the lock is looked at as soon as it is there", () => {
  const holds = (to) => [hold(1, 0, to, 10, { owner: "me", asked: -5 }), hold(2, 25, 60, 11, { owner: "you", asked: 0 })];
  const rules = (to) => ({ releases: [{ by: 1, owner: "me", keys: ["k"], from: -3, to }] });
  assert.deepEqual(checkHolds(holds(50), rules(-2)), { violations: [], permitted: 1 });
  assert.deepEqual(checkHolds(holds(450), rules(200)), { violations: [], permitted: 1 }, "the release was answered later");
  assert.equal(checkHolds(holds(450), rules(-2)).violations.length, 1, "not at its next look only");
});

test("a releaseAll ends what its own process proves of a lock that was asked for while it ran, and a release does not", () => {
  const releases = (isAll) => ({ releases: [{ by: 1, owner: "me", keys: ["k"], from: 0, to: 40, isAll }] });
  const holds = [hold(1, 10, 30, 10, { owner: "me", asked: 5 }), hold(2, 25, 60, 11, { owner: "you", asked: 0 })];
  assert.deepEqual(checkHolds(holds, releases(true)), { violations: [], permitted: 1 });
  assert.match(checkHolds(holds, releases(false)).violations[0], /^two holders/);
});

test("a locked key, and a side key that stays for ever, are reported as left over", () => {
  const contents = [
    { name: "mlr!{0a}f", pttl: -1 },
    { name: "mlr!{0a}w:medusa_lock:k", pttl: 60_000 },
  ];
  assert.deepEqual(checkLeftOver(contents, "medusa_lock:"), []);
  const wrong = [
    { name: "medusa_lock:k", pttl: 500 },
    { name: "mlr!{0a}h:medusa_lock:k", pttl: -1 },
  ];
  assert.equal(checkLeftOver([...contents, ...wrong], "medusa_lock:").length, 2);
});

test("a call that timed out, that nobody answered or that was told a false loss is reported, unless the phase permits it", () => {
  const records = [
    { timedOut: { by: 1, began: 5, keys: ["k"], cause: "no answer" } },
    { falselyLost: { by: 1, at: 6, keys: ["k"] } },
    { stranded: { by: 1, began: 7, at: 60_007 } },
    { unexpected: "TypeError" },
  ];
  const history = readHistory(records.map((record) => JSON.stringify(record)));
  const reported = (phase) => checkAnswers(history, phase).map((line) => /timed out|lock is lost|not settled|unexpected/.exec(line)?.[0]);
  assert.deepEqual(reported({ honest: true }), ["unexpected", "lock is lost", "timed out", "not settled"]);
  assert.deepEqual(reported({ mayTimeOut: true }), ["unexpected", "not settled"]);
});

test("records are read up to where a killed process got", () => {
  const lines = [
    JSON.stringify({ start: { by: 1, id: 1, kind: "execute", from: 1, keys: ["k"], tokens: [7] } }),
    JSON.stringify({ still: { by: 1, id: 1, to: 101 } }),
    JSON.stringify({ start: { by: 2, id: 1, kind: "acquire", from: 200, keys: ["k"], tokens: [8] } }),
    JSON.stringify({ end: { by: 2, id: 1, to: 201, lost: 220 } }),
    JSON.stringify({ stranded: { by: 2, began: 1, at: 60_001 } }),
    JSON.stringify({ unexpected: "TypeError" }),
    '{"start":{"by":1,"id":2,"ki',
  ];
  const { holds, stranded, unexpected } = readHistory(lines);
  assert.deepEqual(
    holds.map(({ by, from, to, lost }) => ({ by, from, to, lost })),
    [
      { by: 1, from: 1, to: 101, lost: false },
      { by: 2, from: 200, to: 201, lost: true },
    ],
  );
  assert.equal(stranded.length, 1);
  assert.deepEqual(unexpected, ["TypeError"]);
});
