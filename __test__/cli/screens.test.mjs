// Tables, screens and sentences about lists of locks that are made up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { compiled } from "./support.mjs";

const { frame } = compiled("cli/watch.js");
const { fitted, table, wrapped, columnsOf } = compiled("cli/table.js");
const { explain, whatToDo } = compiled("inspect/explain.js");
const { duration, shown } = compiled("inspect/words.js");
const { kindOf } = compiled("inspect/locks.js");

const PROCESS = { host: "web-1", pid: 812, package: "1.2.3", node: "24.1.0", connection: "medusa", mode: "hand-off", stuckMs: null };

function lock(more = {}) {
  const waiters = { count: 0, longestMs: 0, processes: [], clients: 0, unknown: false };
  return {
    key: "cart_1",
    owner: "execute:777589bc-26b7-8402-a5ad-4f0000000002",
    kind: "execute",
    token: 1795732544332196,
    leaseLeftMs: 42_000,
    holder: PROCESS,
    holderAnswers: true,
    label: "complete-cart",
    heldMs: 3_250,
    leaseMs: 60_000,
    state: "held",
    ...more,
    waiters: { ...waiters, ...more.waiters },
  };
}

const WAITED = {
  key: "inventory_item_01JABCDEFGHJKMNPQRSTVWXYZ",
  waiters: {
    count: 3,
    longestMs: 4_100,
    processes: [{ host: "web-2", pid: 9, count: 3, longestMs: 4_100, labels: ["reserve"] }],
    clients: 1,
  },
};
const DEAD = { key: "order_7", holder: null, holderAnswers: false, label: null, heldMs: null, leaseMs: null, state: null };
const LIST = { locks: [lock(WAITED), lock(DEAD), lock()], more: false, processes: 2, unasked: null };
const AT = new Date(2026, 0, 2, 3, 4, 5);

test("a screen of watch without a terminal", () => {
  assert.deepEqual(frame({ at: AT, list: LIST, asked: "asked: h", trouble: null }, undefined, undefined), [
    "03:04:05  3 locks; 2 instances answered.",
    "",
    "KEY                                       HOLDER             LABEL           HELD  LEFT  WAIT  LONGEST",
    "inventory_item_01JABCDEFGHJKMNPQRSTVWXYZ  web-1 pid 812      complete-cart  3.2 s  42 s     3    4.1 s",
    "order_7                                   (does not answer)                        42 s     0",
    "cart_1                                    web-1 pid 812      complete-cart  3.2 s  42 s     0",
  ]);
});

test("a screen of watch in a narrow and low terminal", () => {
  assert.deepEqual(frame({ at: AT, list: LIST, asked: "asked: h", trouble: null }, 72, 5), [
    "03:04:05  3 locks; 2 instances answered.",
    "",
    "KEY            HOLDER          LABEL           HELD  LEFT  WAIT  LONGEST",
    "inventory_it…  web-1 pid 812   complete-cart  3.2 s  42 s     3    4.1 s",
    "… 2 more",
  ]);
});

test("a screen of watch while Redis is away says since when and why, and what was known", () => {
  const trouble = { reason: "connect ECONNREFUSED 127.0.0.1:6379", forMs: 12_000 };
  assert.deepEqual(frame({ at: AT, list: { ...LIST, locks: [] }, asked: "asked: h", trouble }, undefined, undefined), [
    "03:04:05  Redis has not answered for 12 s: connect ECONNREFUSED 127.0.0.1:6379",
    "What was known before:",
    "",
    "No locks.",
    "(asked: h)",
  ]);
});

test("no line is wider than the terminal, however narrow it is", () => {
  for (const width of [1, 5, 20, 40, 63, 80, 200]) {
    for (const line of frame({ at: AT, list: LIST, asked: "asked: h", trouble: null }, width, 24))
      assert.ok(columnsOf(line) <= width, `${width}: ${line}`);
  }
});

test("wide characters take two columns, and nothing is cut through", () => {
  assert.equal(columnsOf("注文"), 4);
  for (const wide of ["\u3000", "「", "〒", "ㄅ", "￥", "￦", "ｱ".normalize("NFKC"), "한", "Ａ", "㈱", "︰", "😀"])
    assert.equal(columnsOf(wide), 2, wide);
  for (const narrow of ["a", "é", "ｱ", "ﾡ", "\u303f", "→", "…"]) assert.equal(columnsOf(narrow), 1, narrow);
  assert.equal(columnsOf("e\u0301"), 1);
  assert.equal(fitted("注文番号", 6), "注文…");
  assert.equal(fitted("abc", 3), "abc");
  assert.equal(fitted("abc", 0), "");
  const lines = table([{ title: "A" }, { title: "B" }], [["注文", "x"]], undefined);
  assert.deepEqual(lines, ["A     B", "注文  x"]);
});

test("a table may have very many rows", () => {
  const rows = Array.from({ length: 200_000 }, (_, at) => [String(at)]);
  assert.equal(table([{ title: "A" }], rows, undefined).length, 200_001);
});

test("a text is broken at spaces, and a long word is not broken", () => {
  assert.deepEqual(wrapped("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrapped("a-very-long-word b", 5), ["a-very-long-word", "b"]);
  assert.deepEqual(wrapped('first: "npx a b c" frees it', 8), ["first:", '"npx a b c"', "frees it"]);
});

test("durations", () => {
  const table = [
    [0, "0 ms"],
    [999, "999 ms"],
    [1_000, "1 s"],
    [59_960, "59.9 s"],
    [60_000, "1 min"],
    [185_000, "3 min 5 s"],
    [3_600_000, "1 h"],
    [11_100_000, "3 h 5 min"],
    [90_000_000, "1 d 1 h"],
  ];
  for (const [ms, text] of table) assert.equal(duration(ms), text);
});

test("a key with commands for the terminal is shown harmless", () => {
  const key = "a\u001b[2Jb\nc\u202ed\u200be";
  assert.equal(shown(key), "a\\u001b[2Jb\\u000ac\\u202ed\\u200be");
  const screen = frame({ at: AT, list: { ...LIST, locks: [lock({ key, label: key })] }, trouble: null }, 80, 24).join("");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for these characters.
  assert.doesNotMatch(screen, /[\u0000-\u001f\u200b\u202e]/);
});

test("a character that is invisible, turns the direction of reading or breaks a line is shown by its number", () => {
  for (const code of [0x7f, 0x85, 0xad, 0x61c, 0x115f, 0x1160, 0x180e, 0x200b, 0x2028, 0x202e, 0x2060, 0x2066, 0x3164, 0xfeff, 0xffa0]) {
    assert.equal(shown(`a${String.fromCodePoint(code)}b`), `a\\u${code.toString(16).padStart(4, "0")}b`);
  }
  assert.equal(shown("a\u{e0041}b"), "a\\udb40\\udc41b");
  assert.equal(JSON.parse(shown(JSON.stringify("\u{e0041}"))), "\u{e0041}");
  assert.equal(shown("注文 é ❤️ ﷺ"), "注文 é ❤️ ﷺ");
});

test("kinds of owners", () => {
  const table = [
    [null, "free"],
    ["*", "ownerless"],
    ["cart_1", "named"],
    ["grant:fbc3:1795732544569417", "grant"],
    ["execute:777589bc-26b7-8402-a5ad-4f0000000002", "execute"],
    ["execute:777589bc-26b7-4402-a5ad-4f0000000002", "official"],
    ["execute:me", "named"],
  ];
  for (const [owner, kind] of table) assert.equal(kindOf(owner), kind, owner);
});

test("the words about a lock whose holder lives", () => {
  assert.deepEqual(explain(lock(WAITED)), [
    'web-1, pid 812 (version 1.2.3), has held it for 3.2 s, as "complete-cart". That process answers.',
    "Its lease ends in 42 s and is renewed as long as the job runs.",
    "3 calls wait, the longest for 4.1 s: web-2 pid 9: 3 for 4.1 s (reserve).",
  ]);
});

test("the words about a lock whose holder is stuck", () => {
  const [first, , last] = explain(lock({ holder: { ...PROCESS, stuckMs: 8_000 } }));
  assert.match(first, /That process answers, but its event loop has been stuck for 8 s\.$/);
  assert.match(last, /^Nobody is known to wait/);
  const stuck = whatToDo(lock({ holder: { ...PROCESS, stuckMs: 8_000 } }));
  assert.deepEqual(stuck, { text: "Look at what that process computes. To go on without it:", toRelease: true });
});

test("the words about a lock whose holder does not answer", () => {
  assert.deepEqual(explain(lock(DEAD)), [
    "The process that holds it does not answer. It is dead, cut off from Redis or suspended, or it works and never answers: one that polls, has an older version, or may not subscribe to mlr!? hears no question.",
    "If nobody renews it, Redis frees it in 42 s.",
    "Nobody is known to wait.",
  ]);
});

test("the words about locks of other software", () => {
  const unknown = { holder: null, holderAnswers: null, label: null, heldMs: null, leaseMs: null, state: null };
  const [official] = explain(lock({ ...unknown, kind: "official" }));
  assert.equal(official, "A job of the official package holds it. That package does not tell where it runs.");
  const named = explain(
    lock({ ...unknown, kind: "named", owner: "me", leaseLeftMs: null, key: "it's", waiters: { clients: 2, unknown: true } }),
  );
  assert.deepEqual(named, [
    'The owner "me" holds it. Which process that is cannot be known.',
    "It has no end: it stays until somebody releases it.",
    "2 clients in the queue did not say for whom. More may wait who do not tell.",
  ]);
  assert.equal(explain(lock({ ...unknown, kind: "grant" }))[0], "It is being handed over to a waiter, which takes two seconds at most.");
  assert.equal(explain(lock({ ...unknown, kind: "free", owner: null }))[0], "Nobody holds it.");
});
