import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseRedisUrl, startServer } from "../../harness/redis-servers.mjs";
import { connect } from "../../harness/resp-client.mjs";
import { ensureServerBinary } from "../../harness/server-binaries.mjs";
import { SIGNALS, STOPPED_SERVERS } from "../../harness/system.mjs";

const VERSIONS = {
  6.2: /redis_version:6\.2\./,
  "7.0": /(redis|valkey)_version:/,
  8.2: /redis_version:8\.2\./,
  "valkey-8.1": /valkey_version:8\.1\./,
};

const modules = new URL("../../harness/redis-servers.mjs", import.meta.url).href;

describe("a private server", () => {
  for (const [version, reported] of Object.entries(VERSIONS)) {
    it(`can be had as version ${version}`, async () => {
      const [first, second] = await Promise.all([ensureServerBinary(version), ensureServerBinary(version)]);
      assert.equal(first, second);
      const server = await startServer({ version });
      assert.match(await server.cli("INFO", "server"), reported);
      await server.stop();
      await server.stop();
    });
  }

  it("comes back empty on the same port after restart()", async () => {
    const server = await startServer({ args: ["--requirepass", "p@ss"] });
    const { port, pid } = server;
    await server.cli("SET", "k", 1);
    await server.restart();
    assert.equal(server.port, port);
    assert.notEqual(server.pid, pid);
    assert.equal(await server.cli("GET", "k"), null);
    assert.equal(await connect(parseRedisUrl(server.url)).then((client) => client.command("PING").finally(() => client.close())), "PONG");
    await server.stop();
  });

  it("hangs on SIGSTOP and goes on after SIGCONT", STOPPED_SERVERS, async () => {
    const server = await startServer();
    await server.kill("SIGSTOP");
    let answered = false;
    const ping = server.cli("PING").then(() => {
      answered = true;
    });
    await sleep(50);
    assert.equal(answered, false);
    await server.kill("SIGCONT");
    await ping;
    await server.stop();
  });

  it("is refused on a port in use and with a wrong option, each with one line", async () => {
    const server = await startServer({ args: ["--requirepass", "p"] });
    await assert.rejects(startServer({ port: server.port }), { name: "UserError", message: `port ${server.port} is in use` });
    await assert.rejects(startServer({ args: ["--nonsense"] }), { name: "UserError", message: /ended right after its start/ });
    await server.stop();
  });

  it("dies with the process that started it, even when that is killed", SIGNALS, async () => {
    const script = `const { startServer } = await import(${JSON.stringify(modules)}); console.log((await startServer()).port); setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    const [text] = await once(parent.stdout.setEncoding("utf8"), "data");
    const port = Number(text);
    const client = await connect({ port });
    parent.kill("SIGKILL");
    await client.closed;
    // A dying process closes its connections and its port in either order.
    const deadline = Date.now() + 5_000;
    const refused = () =>
      connect({ port }).then(
        (other) => other.close(),
        (error) => /ECONNREFUSED/.test(error.message),
      );
    while (!(await refused())) assert.ok(Date.now() < deadline, "the server outlived its parent");
  });
});

describe("a Redis URL", () => {
  it("is taken apart", () => {
    assert.deepEqual(parseRedisUrl("redis://u:p%40ss@[::1]:7000/2"), { host: "::1", port: 7000, username: "u", password: "p@ss", db: 2 });
    assert.deepEqual(parseRedisUrl("redis://localhost"), {
      host: "localhost",
      port: 6379,
      username: undefined,
      password: undefined,
      db: 0,
    });
  });

  it("is refused without showing its password when it is wrong", () => {
    for (const url of [
      "",
      "localhost:6379",
      "rediss://:s3cret@h",
      "redis://:s3cret@h/x",
      "redis://:s3%ZZcret@h",
      "redis://:s3cret@h:99999",
    ]) {
      assert.throws(
        () => parseRedisUrl(url),
        (error) => error.name === "UserError" && !error.message.includes("s3"),
        url,
      );
    }
  });
});
