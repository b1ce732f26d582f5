import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { ROOT } from "../../harness/paths.mjs";
import { run } from "../../harness/process.mjs";
import { startServer } from "../../harness/redis-servers.mjs";

const OURS = path.join(ROOT, "index.js");
const SMALL = ["--buyers", "60", "--items", "20", "--processes", "2"];

/** Runs npm start's script; with `--provider` it does not build the package, which whoever runs the tests has done. */
function start(args, { redisUrl = "", provider = OURS } = {}) {
  const all = [path.join(ROOT, "scripts", "start.mjs"), "--provider", provider, ...args];
  return run(process.execPath, all, { cwd: ROOT, env: { LOCKING_REDIS_URL: redisUrl }, timeoutMs: 60_000 });
}

describe("npm start", () => {
  let redis;
  before(async () => {
    redis = await startServer({ args: ["--requirepass", "s3cret"] });
  });
  after(() => redis.stop());

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
