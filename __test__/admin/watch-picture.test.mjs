// A picture of the output of `watch` at a terminal, for the documents.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { startBrowser } from "../../harness/browser.mjs";
import { findOnPath } from "../../harness/process.mjs";
import { COMMAND } from "../cli/support.mjs";
import { deferred, openTestbed, until } from "../support/testbed.mjs";
import { keepPicture } from "./support.mjs";

const bed = openTestbed();
const SCRIPT = { skip: !findOnPath("script") && "there is no program to make a terminal" };

/** The last whole screen in the output. `watch` begins each screen at the top left, and ends it by clearing the area below. */
function lastScreen(written) {
  const screens = written.split("\u001b[H").slice(1);
  const whole = screens.findLast((screen) => screen.includes("\u001b[J"));
  return whole?.split("\u001b[J")[0].replaceAll("\u001b[K", "").replaceAll("\r", "");
}

test("watch shows who holds what and who waits", SCRIPT, async (t) => {
  const booted = await bed.boot();
  const done = deferred();
  const jobs = [
    ["cart_01JQ7", "complete-cart"],
    ["cart_01JQ7", "complete-cart"],
    ["cart_01JQ7", "refresh-cart-items"],
    ["inventory_shirt", "reserve-inventory"],
    ["nightly-sync", "sync products to search"],
  ].map(([key, label]) => booted.locking.execute(key, () => done.promise, { label, timeout: 30 }));
  const command = `stty cols 112 rows 9; exec ${process.execPath} ${COMMAND} watch --url ${bed.url} --every 0.2`;
  const watch = spawn("script", ["-qec", command, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, TERM: "xterm" },
  });
  let written = "";
  watch.stdout.setEncoding("utf8").on("data", (text) => {
    written += text;
  });
  const browser = await startBrowser();
  t.after(() => browser.close());
  try {
    const text = await until("all is shown", () => {
      const screen = lastScreen(written);
      return screen && /cart_01JQ7 .*complete-cart .* 2 .*\n/.test(screen) && /nightly-sync/.test(screen) && screen;
    });
    assert.match(text, /3 locks; 1 instance answered\./);
    const page = await browser.newPage({ viewport: { width: 960, height: 240 } });
    await page.setContent(`<pre id="screen" style="display: inline-block; margin: 0; padding: 16px 20px; border-radius: 6px;
      background: #16181d; color: #d9dee7; font: 14px/1.45 'DejaVu Sans Mono', monospace"></pre>`);
    await page.evaluate((lines) => {
      document.querySelector("#screen").textContent = lines;
    }, `$ npx medusa-locking-redis watch\n${text}`);
    await keepPicture("watch", await page.locator("#screen").screenshot({ omitBackground: true }));
  } finally {
    watch.stdin.end("\u0003");
    await once(watch, "close");
    done.resolve();
    await Promise.all(jobs);
  }
});
