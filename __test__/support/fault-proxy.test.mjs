import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startFaultProxy } from "../../harness/fault-proxy.mjs";
import { startServer } from "../../harness/redis-servers.mjs";
import { connect } from "../../harness/resp-client.mjs";
import { decodeFrame, encodeCommand, FrameSplitter } from "../../harness/resp-frames.mjs";

let server;
let observer;
let proxy;
let client;

before(async () => {
  server = await startServer();
  observer = await connect({ port: server.port });
});
after(async () => {
  observer.close();
  await server.stop();
});
beforeEach(async () => {
  await observer.command("FLUSHALL");
  proxy = await startFaultProxy({ targetPort: server.port });
  client = await connect({ port: proxy.port });
});
afterEach(async () => {
  client.close();
  await proxy.stop();
});

describe("the fault proxy", () => {
  it("passes commands and replies through, and counts both", async () => {
    assert.equal(await client.command("SET", "k", "v"), "OK");
    const replies = await Promise.all(Array.from({ length: 500 }, (_, i) => client.command("INCRBY", "n", i)));
    assert.equal(replies.at(-1), (499 * 500) / 2);
    assert.equal(proxy.connections(), 1);
    assert.equal(proxy.commands(), 502, "with the PING of connect()");
  });

  it("delivers what a function makes of each reply, pushes among them", async () => {
    proxy.rewriteReplies((frame) => Buffer.from(frame.toString("latin1").replaceAll("before", "behind"), "latin1"));
    await client.command("SET", "k", "before");
    assert.equal(await client.command("GET", "k"), "behind");
    assert.equal(await observer.command("GET", "k"), "before");
    const socket = net.connect(proxy.port, "127.0.0.1");
    const splitter = new FrameSplitter();
    const frames = [];
    socket.on("data", (chunk) => frames.push(...splitter.push(chunk).map((frame) => decodeFrame(frame))));
    socket.write(encodeCommand(["SUBSCRIBE", "c"]));
    while (frames.length < 1) await once(socket, "data");
    await observer.command("PUBLISH", "c", "before");
    while (frames.length < 2) await once(socket, "data");
    assert.deepEqual(frames[1], ["message", "c", "behind"]);
    socket.destroy();
  });

  it("cuts before the reply of a command that the server has executed", async () => {
    const cut = proxy.cutAfterForward({ match: "hot" });
    const earlier = client.command("SET", "earlier", 1);
    const hot = client.command("SET", "hot", 1);
    const later = client.command("SET", "later", 1);
    const settled = await Promise.allSettled([earlier, hot, later]);
    assert.deepEqual(
      settled.map(({ status }) => status),
      ["fulfilled", "rejected", "rejected"],
    );
    await cut;
    assert.deepEqual(await observer.command("MGET", "earlier", "hot", "later"), ["1", "1", null]);
    assert.equal(proxy.connections(), 0);
  });

  it("cuts in the middle of a reply", async () => {
    await observer.command("SET", "hot", "0123456789");
    const cut = proxy.cutAfterForward({ match: Buffer.from("hot"), when: "mid-reply" });
    const socket = net.connect(proxy.port, "127.0.0.1");
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk;
    });
    socket.write(Buffer.concat([encodeCommand(["PING"]), encodeCommand(["GET", "hot"])]));
    await once(socket, "close");
    await cut;
    assert.match(received, /^\+PONG\r\n\$10\r\n\d*$/);
  });

  it("cuts before a command reaches the server, after the replies to earlier ones", async () => {
    const cut = proxy.cutBeforeForward({ match: (words) => words[0] === "SET" && words[1] === "hot" });
    const settled = await Promise.allSettled([client.command("GET", "hot"), client.command("SET", "hot", 1)]);
    assert.deepEqual(
      settled.map(({ status }) => status),
      ["fulfilled", "rejected"],
    );
    await cut;
    assert.equal(await observer.command("EXISTS", "hot"), 0);
  });

  it("answers one command by itself, in its place among pipelined replies", async () => {
    const rewritten = proxy.rewriteReply({ match: "hot", reply: Buffer.from("-OOM command not allowed\r\n") });
    const settled = await Promise.allSettled(["a", "hot", "b", "hot"].map((key) => client.command("INCR", key)));
    await rewritten;
    assert.deepEqual(
      settled.map(({ value, reason }) => value ?? reason.message),
      [1, "OOM command not allowed", 1, 1],
    );
  });

  it("holds replies back while the server goes on working, and delivers them afterwards", async () => {
    proxy.pauseReplies();
    let answered = false;
    const reply = client.command("INCR", "n").then((value) => {
      answered = true;
      return value;
    });
    while ((await observer.command("GET", "n")) === null) await sleep(5);
    await sleep(30);
    assert.equal(answered, false);
    proxy.resumeReplies();
    assert.equal(await reply, 1);
  });

  it("delays replies and keeps their order", async () => {
    proxy.delayReplies(80);
    const started = performance.now();
    const order = [];
    await Promise.all(["a", "b", "c"].map((key) => client.command("INCR", key).then(() => order.push(key))));
    assert.ok(performance.now() - started >= 75);
    assert.deepEqual(order, ["a", "b", "c"]);
    proxy.delayReplies(0);
    assert.equal(await client.command("PING"), "PONG");
  });

  it("cuts all connections, with or without a reset", async () => {
    const other = await connect({ port: proxy.port });
    proxy.cutAll();
    await Promise.all([client.closed, other.closed]);
    assert.equal(proxy.connections(), 0);
    const third = await connect({ port: proxy.port });
    proxy.cutAll({ reset: true });
    assert.match((await third.closed).message, /ECONNRESET/);
  });

  it("refuses connections and accepts them again on the same port, while open ones live on", async () => {
    await proxy.refuseConnections();
    await assert.rejects(connect({ port: proxy.port }), /ECONNREFUSED/);
    assert.equal(await client.command("PING"), "PONG");
    await proxy.acceptConnections();
    const again = await connect({ port: proxy.port });
    assert.equal(await again.command("PING"), "PONG");
    again.close();
  });

  it("closes the client's connection when the server goes away", async () => {
    const private_ = await startServer();
    const ahead = await startFaultProxy({ targetPort: private_.port });
    const through = await connect({ port: ahead.port });
    await private_.stop();
    await through.closed;
    await ahead.stop();
  });

  for (const protocol of [2, 3]) {
    it(`tells published messages from replies (RESP${protocol})`, async () => {
      const socket = net.connect(proxy.port, "127.0.0.1");
      const splitter = new FrameSplitter();
      const received = [];
      socket.on("data", (chunk) => received.push(...splitter.push(chunk)));
      const until = async (count) => {
        while (received.length < count) await sleep(2);
      };
      socket.write(Buffer.concat([encodeCommand(["HELLO", protocol]), encodeCommand(["SUBSCRIBE", "one", "two"])]));
      await until(3);
      await observer.command("PUBLISH", "one", "hello");
      const cut = proxy.cutAfterForward({ match: "the-cut" });
      socket.write(encodeCommand(["PING", "before"]));
      await until(5);
      socket.write(encodeCommand(["PING", "the-cut"]));
      await cut;
      const values = received.slice(1).map((frame) => decodeFrame(frame));
      const pong = protocol === 3 ? "before" : ["pong", "before"];
      assert.deepEqual(values, [["subscribe", "one", 1], ["subscribe", "two", 2], ["message", "one", "hello"], pong]);
    });
  }
});

describe("the frame splitter", () => {
  it("finds the same values wherever the bytes are cut", () => {
    const stream = Buffer.from(
      "+OK\r\n:12\r\n$4\r\na\r\nb\r\n*2\r\n$-1\r\n*1\r\n:1\r\n%1\r\n+k\r\n#t\r\n|1\r\n+a\r\n:1\r\n>1\r\n+p\r\n-ERR x\r\n_\r\n,1.5\r\n",
    );
    const whole = new FrameSplitter().push(stream).map((frame) => frame.toString());
    assert.equal(whole.length, 9);
    for (let at = 1; at < stream.length; at += 1) {
      const splitter = new FrameSplitter();
      const parts = [...splitter.push(stream.subarray(0, at)), ...splitter.push(stream.subarray(at))];
      assert.deepEqual(
        parts.map((frame) => frame.toString()),
        whole,
      );
    }
  });

  it("refuses bytes that are no RESP", () => {
    for (const bytes of ["hello\r\n", "$x\r\n", "*-2\r\n", "$+1\r\n"]) {
      assert.throws(() => new FrameSplitter().push(Buffer.from(bytes)), /not a RESP/);
    }
  });
});
