import assert from "node:assert/strict";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { CACHE, ROOT } from "../../harness/paths.mjs";
import { run } from "../../harness/process.mjs";
import { startServer } from "../../harness/redis-servers.mjs";

const OURS = path.join(ROOT, "index.js");
const SMALL = ["--buyers", "60", "--items", "20", "--processes", "2"];

/** Runs the script of npm start. With `--provider` the script does not build the package, because the runner of the tests has built it. */
function start(args, { redisUrl = "", provider = OURS } = {}) {
  const all = [path.join(ROOT, "scripts", "start.mjs"), "--provider", provider, ...args];
  return run(process.execPath, all, { cwd: ROOT, env: { LOCKING_REDIS_URL: redisUrl }, timeoutMs: 60_000 });
}

/** The path of the picture in the output. */
const pathIn = (stdout) => stdout.match(/^Who was at the checkout when, as a picture: (.*)$/m)?.[1];

/** The rows of the printed table: name, without, with. */
const tableIn = (stdout) => [...stdout.matchAll(/^(\S.*?) {2,}(-|[\d,]+(?: ms)?) {2,}([\d,]+(?: ms)?)$/gm)].map((row) => row.slice(1));

/** The same rows on the page. */
function tableOf(html) {
  const table = html.match(/<table id="run">.*?<\/table>/s)[0];
  return [...table.matchAll(/<tr><th scope="row">(.*?)<\/th><td>(.*?)<\/td><td>(.*?)<\/td><\/tr>/g)].map((row) => row.slice(1));
}

/** The two pictures of the page: without a lock, with it. */
function picturesOf(html) {
  return [...html.matchAll(/<figure>.*?<\/figure>/gs)].map(([figure]) => ({
    figure,
    alone: figure.match(/<rect class="alone"/g)?.length ?? 0,
    overlapping: figure.match(/<rect class="overlap"/g)?.length ?? 0,
  }));
}

describe("npm start", () => {
  let redis;
  let folder;
  before(async () => {
    redis = await startServer({ args: ["--requirepass", "s3cret"] });
    folder = await fs.mkdtemp(path.join(os.tmpdir(), "start-"));
  });
  after(async () => {
    await redis.stop();
    await fs.rm(folder, { recursive: true });
  });

  it("oversells without the lock, sells exactly the stock with it, and removes its keys", async () => {
    const { code, stdout, stderr } = await start(SMALL, { redisUrl: `${redis.url}/3` });
    assert.equal(code, 0, stderr);
    const row = (name) =>
      stdout
        .match(new RegExp(`^${name} +([\\d,]+) +([\\d,]+)$`, "m"))
        ?.slice(1)
        .map((text) => Number(text.replace(",", "")));
    assert.ok(row("bought")[0] > 20);
    assert.ok(row("oversold by")[0] > 0);
    assert.equal(row("bought")[1], 20);
    assert.equal(row("stock left")[1], 0);
    assert.equal(row("oversold by")[1], 0);
    assert.equal(row("gave up or failed")[1], 0);
    assert.doesNotMatch(stdout + stderr, /s3cret/);
    const info = await redis.cli("INFO", "keyspace");
    // Only the fencing counter of the key's slot may outlive the sale.
    assert.match(info, /^# Keyspace\s+(db3:keys=1,\S+\s*)?$/);
  });

  it("starts a Redis of its own where LOCKING_REDIS_URL is not set", async () => {
    const { code, stdout } = await start(SMALL);
    assert.equal(code, 0);
    assert.match(stdout, /private, only for this run/);
    // Without --page the picture goes into the work tree.
    const page = path.join(CACHE, "start", "holds.html");
    assert.equal(pathIn(stdout), page);
    assert.deepEqual(tableOf(await fs.readFile(page, "utf8")), tableIn(stdout));
  });

  it("draws the holds of the run that the table is of, per process and with another mark where they overlap", async () => {
    const page = path.join(folder, "new", "holds.html");
    const { code, stdout, stderr } = await start([...SMALL, "--page", page], { redisUrl: redis.url });
    assert.equal(code, 0, stderr);
    assert.equal(pathIn(stdout), page);
    const html = await fs.readFile(page, "utf8");
    const rows = tableIn(stdout);
    assert.equal(rows.length, 11);
    assert.deepEqual(tableOf(html), rows);
    const [, without, withLock] = rows.find(([name]) => name === "overlapped another");
    assert.ok(Number(without) > 1);
    assert.equal(withLock, "0");
    assert.deepEqual(
      rows.find(([name]) => name === "checkouts"),
      ["checkouts", "60", "60"],
    );
    const [first, second] = picturesOf(html);
    assert.ok(first.overlapping > 1 && first.overlapping <= Number(without));
    assert.equal(second.overlapping, 0);
    assert.equal(second.alone, 60);
    assert.match(first.figure, new RegExp(`60 checkouts, ${without} at the same time as another`));
    assert.match(second.figure, /60 checkouts, none at the same time as another/);
    for (const { figure } of [first, second]) {
      assert.match(
        figure,
        /role="img" aria-labelledby="(\w+)-title \1-text">\s*<title id="\1-title">[^<]+<\/title>\s*<desc id="\1-text">[^<]+</,
      );
      assert.equal(figure.match(/<text class="name"[^>]*>process \d</g).length, 2);
    }
  });

  it("writes a page that loads nothing, and in which a provider's name is text", async () => {
    const name = `<img src="x" onerror='alert(1)'>&amp;`;
    const provider = path.join(folder, name.replaceAll("/", ""), "index.js");
    await fs.mkdir(path.dirname(provider), { recursive: true });
    await fs.writeFile(provider, `module.exports = require(${JSON.stringify(OURS)});`);
    const page = path.join(folder, "named.html");
    const { code, stderr } = await start([...SMALL, "--page", page], { redisUrl: redis.url, provider });
    assert.equal(code, 0, stderr);
    const html = await fs.readFile(page, "utf8");
    assert.match(html, /&lt;img src=&quot;x&quot; onerror=&#39;alert\(1\)&#39;&gt;&amp;amp;/);
    assert.match(html, /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">/);
    assert.doesNotMatch(html, /<(img|script|link|iframe|object|embed|image|use|base)\b|@import|<[^>]*\s(src|href|on\w+)=/i);
    assert.deepEqual([...new Set(html.match(/url\([^)]*\)/g))], ["url(#hatch)"]);
    assert.doesNotMatch(html, /s3cret|redis:/);
  });

  it("keeps the page small when there are thousands of buyers, and says which part is drawn", async () => {
    const page = path.join(folder, "large.html");
    const args = ["--buyers", "4000", "--items", "20", "--processes", "2", "--page", page];
    const { code, stdout, stderr } = await start(args, { redisUrl: redis.url });
    assert.equal(code, 0, stderr);
    const html = await fs.readFile(page, "utf8");
    assert.ok(html.length < 500_000);
    assert.deepEqual(tableOf(html), tableIn(stdout));
    const [first, second] = picturesOf(html);
    assert.equal(second.alone, 800);
    assert.match(second.figure, /<figcaption>The first [\d.,]+ ms of [\d.,]+ ms\. 800 of 4,000 checkouts began in the time shown\.</);
    assert.ok(first.overlapping > 1 && first.overlapping <= 800);
    assert.match(first.figure, new RegExp(`; ${first.overlapping} of them are drawn, there is no room for the other [\\d,]+\\.<`));
  });

  it("answers a page that cannot be written with one line and exit code 1, after the table", async () => {
    const file = path.join(folder, "file");
    await fs.writeFile(file, "");
    const { code, stdout, stderr } = await start([...SMALL, "--page", path.join(file, "holds.html")], { redisUrl: redis.url });
    assert.equal(code, 1);
    assert.match(stdout, /With the lock it sold exactly 20\./);
    assert.match(stderr.trim(), /^error: the page with the picture cannot be written to \S+holds\.html \(E[A-Z]+\)$/);
  });

  const WRONG = [
    ["an unknown flag", ["--fast"], {}, "Unknown option '--fast' (npm start -- --help lists what there is)"],
    ["a surplus argument", ["now"], {}, 'unknown argument "now"; there are only flags (npm start -- --help lists what there is)'],
    ["a number out of range", ["--buyers", "0"], {}, '--buyers must be a whole number from 1 to 10000, not "0"'],
    ["a number that is none", ["--items", "1e2"], {}, '--items must be a whole number from 1 to 10000, not "1e2"'],
    [
      "a URL that is none",
      [],
      { redisUrl: "localhost" },
      "LOCKING_REDIS_URL: the Redis URL is not a URL: expected something like redis://127.0.0.1:6379",
    ],
    [
      "a URL of something else",
      [],
      { redisUrl: "http://u:s3cret@127.0.0.1" },
      'LOCKING_REDIS_URL: the Redis URL starts with "http://": only redis:// is supported',
    ],
    [
      "a Redis that is not there",
      [],
      { redisUrl: "redis://:s3cret@127.0.0.1:1" },
      "LOCKING_REDIS_URL: no Redis answers at 127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1)",
    ],
    [
      "a provider that is not there",
      SMALL,
      { provider: "no-such-package" },
      /^error: a shop process ended \(exit code 1\): .*no-such-package.*$/,
    ],
  ];
  for (const [what, args, options, expected] of WRONG) {
    it(`answers ${what} with one line and exit code 1`, async () => {
      const { code, stderr } = await start(args, options);
      assert.equal(code, 1);
      if (expected instanceof RegExp) assert.match(stderr.trim(), expected);
      else assert.equal(stderr.trim(), `error: ${expected}`);
    });
  }

  it("answers a wrong password with one line, without the password", async () => {
    const { code, stderr } = await start([], { redisUrl: `redis://:wr0ng@127.0.0.1:${redis.port}` });
    assert.equal(code, 1);
    assert.match(stderr.trim(), /^error: LOCKING_REDIS_URL: no Redis answers at 127\.0\.0\.1:\d+ \(WRONGPASS .*\)$/);
    assert.doesNotMatch(stderr, /wr0ng/);
  });

  it("answers a port in use with one line", async () => {
    const { code, stderr } = await start(["--redis-port", String(redis.port)]);
    assert.equal(code, 1);
    assert.equal(stderr.trim(), `error: port ${redis.port} is in use`);
  });
});
