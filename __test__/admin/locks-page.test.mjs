// The page of the Admin as an operator sees and uses it, in a real Chromium on a real store.

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { after, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { startBrowser } from "../../harness/browser.mjs";
import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";
import { startPostgres } from "../../harness/postgres.mjs";
import { startServer } from "../../harness/redis-servers.mjs";
import { StoreServer } from "../../harness/store-setup.mjs";
import { messageOf } from "../support/children.mjs";
import { deferred, NS, until } from "../support/testbed.mjs";
import { keepPicture, openLocks, setUpStore, USER } from "./support.mjs";

const INSTANCE = fileURLToPath(new URL("../cli/instance.mjs", import.meta.url));
const POLLED = "**/admin/locks?*";

describe("the page of the Admin", { timeout: 900_000 }, () => {
  let postgres;
  let redis;
  let env;
  let store;
  let browser;
  let shop;
  let page;

  before(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startServer()]);
    env = await setUpStore({ databaseUrl: postgres.url, redisUrl: redis.url });
    store = await StoreServer.start(env);
    browser = await startBrowser();
    // Another instance of the shop, which holds the locks.
    shop = await bootLocking({ providers: [providerEntry({ redisUrl: redis.url })] });
    page = await openLocks(browser, store.origin);
  });

  // Loading the page anew closes everything that an earlier test left open.
  beforeEach(async () => {
    await redis.cli("FLUSHALL");
    await page.goto(`${store.origin}/app/locks`);
    await page.getByText(/^0 locks\. /).waitFor();
  });

  after(async () => {
    await browser?.close();
    await shop?.shutdown();
    await store?.end("SIGKILL", 0);
    await redis?.stop();
    await postgres?.stop();
  });

  /** The row of a lock in the table. */
  const row = (key) => page.locator(`tr[data-lock=${JSON.stringify(key)}]`);

  /** Sends a request to the routes as the user who is logged in. */
  const ask = (path, options = {}) =>
    page.evaluate(
      async ([where, { body, method = "GET", credentials }]) => {
        const headers = { "content-type": "application/json" };
        const answer = await fetch(where, { method, headers, body, credentials });
        return { status: answer.status, body: await answer.json() };
      },
      [path, options],
    );
  const release = (body) => ask("/admin/locks/release", { method: "POST", body: JSON.stringify(body) });

  it("says so when there is no lock", async () => {
    await page.getByText("No locks. Nobody holds one at the moment.").waitFor();
    await page.getByText(/^0 locks\. 2 instances answered\.$/).waitFor();
  });

  it("shows who holds a lock and who waits; release hands it to the next, and its job is told by whom", async (t) => {
    const [first, second] = [deferred(), deferred()];
    const job = shop.locking.execute("cart_01JQ7", () => first.promise, { label: "complete-cart" }).catch((error) => error);
    await until("the lock is there", async () => (await redis.cli("EXISTS", `${NS}cart_01JQ7`)) === 1);
    const next = shop.locking.execute("cart_01JQ7", () => second.promise, { label: "refresh-cart-items", timeout: 60 });
    const others = ["inventory_shirt", "nightly-sync"].map((key) =>
      shop.locking.execute(key, () => second.promise, { label: `work on ${key}` }),
    );
    const line = row("cart_01JQ7");
    await line.getByText("complete-cart").waitFor();
    await line.getByText(`pid ${process.pid}`).waitFor();
    await line.getByText("1", { exact: true }).waitFor();
    await row("nightly-sync").waitFor();
    await page.getByRole("img", { name: "1 call waits; 1 at most since the page was opened" }).waitFor();
    await page.evaluate(() => document.activeElement?.blur());
    await keepPicture("admin-locks", await page.screenshot({ clip: { x: 0, y: 0, width: 1280, height: 420 } }));

    await page.getByRole("button", { name: "cart_01JQ7", exact: true }).click();
    const drawer = page.getByRole("dialog");
    await drawer.getByText("Its process answers: the job runs. If it should not, end it there, or release the lock.").waitFor();
    await drawer.getByText(/pid \d+: 1 call, the longest for .* \(refresh-cart-items\)/).waitFor();
    await drawer.getByRole("button", { name: "Release" }).click();
    const question = page.getByRole("alertdialog");
    await question
      .getByText(/is taken away from .* pid \d+, which holds it as "complete-cart"\. Its job is told .* gets the lock at once\./)
      .waitFor();
    await question.getByRole("button", { name: "Cancel" }).click();
    await question.waitFor({ state: "detached" });
    assert.equal((await ask("/admin/locks?key=cart_01JQ7")).body.lock.label, "complete-cart", "cancel leaves it alone");

    await page.getByRole("button", { name: "Release cart_01JQ7" }).click();
    await question.getByRole("button", { name: "Release" }).click();
    await line.getByText("refresh-cart-items").waitFor();
    first.resolve();
    const error = await job;
    assert.equal(error.code, "LOCK_LOST");
    assert.match(error.cause.message, new RegExp(`released by hand, by ${USER.email}, in the Medusa Admin`));
    await until("the log says it", () => /the lock on \\?"cart_01JQ7\\?" was freed by ada@example\.com, in/.test(store.output));
    t.diagnostic(error.cause.message);
    second.resolve();
    await Promise.all([next, ...others]);
    await page.getByRole("img", { name: "0 calls wait; 1 at most since the page was opened" }).waitFor();
    await page.getByText("No locks. Nobody holds one at the moment.").waitFor();
  });

  it("can be used with the keyboard alone", async () => {
    await redis.cli("SET", `${NS}by-keyboard`, "ada", "PX", "600000");
    const button = page.getByRole("button", { name: "Release by-keyboard" });
    await button.focus();
    await page.keyboard.press("Enter");
    const question = page.getByRole("alertdialog");
    await question.waitFor();
    await page.keyboard.press("Escape");
    await question.waitFor({ state: "detached" });
    assert.equal(await redis.cli("GET", `${NS}by-keyboard`), "ada");
    await button.focus();
    await page.keyboard.press("Enter");
    await question.waitFor();
    await question.getByRole("button", { name: "Release" }).focus();
    await page.keyboard.press("Enter");
    await row("by-keyboard").waitFor({ state: "detached" });
    assert.notEqual(await redis.cli("GET", `${NS}by-keyboard`), "ada");
  });

  it("shows keys with HTML, marks of direction and thousands of characters as text, and releases them", async () => {
    const keys = ['<img src=x onerror="window.hacked=1"><b>bold</b>', "\u202eevil\u0007", `long_${"x".repeat(5_000)}`, "a/b?c=d&e #%"];
    for (const key of keys) await redis.cli("SET", `${NS}${key}`, "<i>ada</i>", "PX", "600000");
    await page.getByText("\\u202eevil\\u0007").waitFor();
    await page.getByRole("button", { name: keys[0], exact: true }).waitFor();
    await row(keys[0]).getByText("owner <i>ada</i>").waitFor();
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    assert.equal(await page.locator("tr[data-lock] img, tr[data-lock] b").count(), 0);
    const { width } = await page.getByRole("button", { name: /^long_x/ }).boundingBox();
    assert.ok(width <= 260, `a long key is cut (${width})`);
    await page.getByRole("button", { name: /^long_x/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
    for (const key of keys) assert.equal((await ask(`/admin/locks?key=${encodeURIComponent(key)}`)).body.lock.key, key);
    const rows = page.locator("tr[data-lock]");
    for (let left = keys.length - 1; left >= 0; left -= 1) {
      await rows
        .first()
        .getByRole("button", { name: /^Release / })
        .click();
      const confirm = page.getByRole("alertdialog").getByRole("button", { name: "Release" });
      const { y, height } = await confirm.boundingBox();
      assert.ok(y + height < 640, "the question's buttons are in sight");
      await confirm.click();
      await until("one less", async () => (await rows.count()) === left);
    }
    assert.deepEqual(await redis.cli("KEYS", `${NS}*`), []);
  });

  it("shows a thousand locks page by page, filters them, and finds one that is not in the list by its whole key", async () => {
    const names = Array.from({ length: 1_200 }, (_, i) => `order_${String(i).padStart(4, "0")}`);
    await redis.cli("MSET", ...names.flatMap((name) => [`${NS}${name}`, "ada"]));
    await page.getByText(/^1000 locks, and more: /).waitFor();
    assert.equal(await page.locator("tr[data-lock]").count(), 20);
    const { body } = await ask("/admin/locks?limit=1000");
    const listed = new Set(body.locks.map(({ key }) => key));
    const [there, missing] = [names.find((name) => listed.has(name)), names.find((name) => !listed.has(name))];
    const seen = await page.locator("tr[data-lock]").first().getAttribute("data-lock");
    await page.getByRole("button", { name: "Next" }).click();
    await until("another page is there", async () => (await page.locator("tr[data-lock]").first().getAttribute("data-lock")) !== seen);
    await page.getByLabel("Filter by key or label").fill(there.toUpperCase());
    await until("only that is left", async () => (await page.locator("tr[data-lock]").count()) === 1);
    await page.getByLabel("Filter by key or label").fill(missing);
    await row(missing).getByText("no end").waitFor();
    await page.getByLabel("Filter by key or label").fill("no such key");
    await page.getByText('No lock has "no such key" in its key or label.').waitFor();
  });

  it("says of a holder that was killed that it does not answer; release serves the next waiter", async () => {
    const holder = fork(INSTANCE, [JSON.stringify({ redisUrl: redis.url })]);
    await messageOf(holder);
    holder.send({ do: "hold", key: "orphan" });
    await messageOf(holder);
    const waiter = shop.locking.execute("orphan", async () => "served", { timeout: 60 });
    holder.kill("SIGKILL");
    await row("orphan").getByText("does not answer").waitFor();
    await page.getByRole("button", { name: "Release orphan" }).click();
    const question = page.getByRole("alertdialog");
    await question.getByText(/A job that still runs goes on without its lock\. The call that waits gets the lock at once\./).waitFor();
    await question.getByRole("button", { name: "Release" }).click();
    assert.equal(await waiter, "served");
  });

  it("says that Redis is down, shows what was known before, and recovers by itself", async () => {
    await redis.cli("SET", `${NS}kept`, "ada");
    await row("kept").waitFor();
    await redis.kill();
    const alert = page.getByRole("alert");
    await alert.getByText("Redis does not answer, so the locks cannot be read. The page tries again by itself.").waitFor();
    await alert.getByText("What was known before is shown below.").waitFor();
    assert.equal(await row("kept").count(), 1);
    const answer = await release({ key: "kept", owner: "ada" });
    assert.deepEqual([answer.status, answer.body.code], [503, "REDIS_UNREACHABLE"]);
    await redis.restart();
    await page.getByText("No locks. Nobody holds one at the moment.").waitFor();
    assert.equal(await page.getByRole("alert").count(), 0);
  });

  it("asks nothing while it is hidden, and at once when it is seen again", async () => {
    const other = await openLocks(browser, store.origin);
    try {
      await other.clock.install();
      await other.reload();
      await other.getByText("No locks. Nobody holds one at the moment.").waitFor();
      let asked = 0;
      other.on("request", (request) => {
        if (/\/admin\/locks\?/.test(request.url())) asked += 1;
      });
      const answered = other.waitForResponse(POLLED);
      await other.clock.runFor(3_000);
      await answered;
      const show = (hidden) =>
        other.evaluate((value) => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
          document.dispatchEvent(new Event("visibilitychange"));
        }, hidden);
      await show(true);
      // A question that was sent just before has its answer by then.
      await other.clock.runFor(3_000);
      const before = asked;
      await other.clock.runFor(60_000);
      assert.equal(asked, before);
      const again = other.waitForRequest(POLLED);
      await show(false);
      await again;
    } finally {
      await other.context().close();
    }
  });

  it("is readable in the dark theme", async () => {
    const dark = await openLocks(browser, store.origin, { colorScheme: "dark" });
    try {
      await dark.evaluate(() => localStorage.setItem("medusa_admin_theme", "dark"));
      await dark.reload();
      const heading = dark.getByRole("heading", { name: "Locks" });
      await heading.waitFor();
      const [red] = await heading.evaluate((element) => getComputedStyle(element).color.match(/\d+/g).map(Number));
      assert.ok(red > 200, `the text is light (${red})`);
    } finally {
      await dark.context().close();
    }
  });

  describe("its routes", () => {
    it("let in only who is logged in", async () => {
      for (const [path, method] of [
        ["/admin/locks", "GET"],
        ["/admin/locks/release", "POST"],
      ]) {
        assert.equal((await fetch(`${store.origin}${path}`, { method })).status, 401);
        assert.equal((await ask(path, { method, credentials: "omit" })).status, 401);
      }
    });

    it("refuse what cannot be used with 400 and one line", async () => {
      for (const query of ["limit=0", "limit=10001", "limit=1e3", "limit=", "limit=1&limit=2", "key[]=a", "key=a&limit=1", "what=1"]) {
        const { status, body } = await ask(`/admin/locks?${query}`);
        assert.deepEqual([status, body.code], [400, "INVALID_ARGUMENT"], query);
        assert.match(body.message, /^[^\n]+\.$/);
      }
      for (const body of [
        {},
        { key: "a" },
        { key: 5, owner: "ada" },
        { key: "a", owner: null },
        { key: "a", owner: "b", force: true },
        [],
      ]) {
        const { status, body: answer } = await release(body);
        assert.deepEqual([status, answer.code], [400, "INVALID_ARGUMENT"], JSON.stringify(body));
        assert.match(answer.message, /^[^\n]+\.$/);
      }
      assert.equal((await ask("/admin/locks/release", { method: "POST", body: "{" })).status, 400);
    });

    it("answer 404 for a key that nobody has", async () => {
      assert.equal((await ask("/admin/locks?key=nobody")).status, 404);
      const { status, body } = await release({ key: "nobody", owner: "ada" });
      assert.deepEqual([status, body.code], [404, "NO_SUCH_LOCK"]);
    });

    it("leave a lock alone that has changed hands", async () => {
      await redis.cli("SET", `${NS}changed`, "bob", "PX", "600000");
      const { status, body } = await release({ key: "changed", owner: "ada" });
      assert.deepEqual([status, body.code], [409, "LOCK_CHANGED_HANDS"]);
      assert.equal(await redis.cli("GET", `${NS}changed`), "bob");
    });

    it("leave a lock alone that its owner has given back and taken again", async () => {
      await redis.cli("SET", `${NS}again`, "*", "PX", "600000");
      const { status, body } = await release({ key: "again", owner: "*", token: 1_700_000_000_000_000 });
      assert.deepEqual([status, body.code], [409, "LOCK_CHANGED_HANDS"]);
      assert.equal(await redis.cli("GET", `${NS}again`), "*");
    });

    it("show no password of a Redis that is down", async () => {
      const where = new URL(redis.url);
      const other = await StoreServer.start({ ...env, REDIS_URL: `redis://shop:hunter2@127.0.0.1:1` }).catch((error) => error);
      if (other instanceof Error) return assert.doesNotMatch(other.message, /hunter2/, where.host);
      try {
        const theirs = await openLocks(browser, other.origin);
        await theirs
          .getByRole("alert")
          .getByText(/Redis does not answer/)
          .waitFor();
        assert.doesNotMatch(await theirs.content(), /hunter2/);
        assert.doesNotMatch(other.output, /hunter2/);
        await theirs.context().close();
      } finally {
        await other.end("SIGKILL", 0);
      }
    });
  });

  it("says clearly that another lock provider does not show its locks", async () => {
    const other = await StoreServer.start({ ...env, LOCKING_PROVIDER: "@medusajs/medusa/locking-redis" });
    try {
      const theirs = await openLocks(browser, other.origin);
      const alert = theirs.getByRole("alert");
      await alert.getByText("The locks cannot be shown.").waitFor();
      await alert.getByText(/^This store's lock provider does not show its locks\. .*is not one of medusa-locking-redis/).waitFor();
      await theirs.context().close();
    } finally {
      await other.end("SIGKILL", 0);
    }
  });
});
