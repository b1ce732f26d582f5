import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, test } from "node:test";
import { decodeFrame, FrameSplitter } from "../../harness/resp-frames.mjs";
import { openTestbed } from "../support/testbed.mjs";
import { REPLIES } from "./replies.mjs";
import { startHostileServer } from "./server.mjs";
import { assertEnded, assertUnharmed, liveThrough, startVictim } from "./support.mjs";

const bed = openTestbed();

const bulk = (text) => `$${text.length}\r\n${text}\r\n`;
const list = (items) => `*${items.length}\r\n${items.join("")}`;

/** Starts a Sentinel that always names this master and these other Sentinels. */
async function startSentinel(port, others = []) {
  const listener = net
    .createServer((socket) => {
      const frames = new FrameSplitter({ inline: true });
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        for (const frame of frames.push(bytes)) {
          const [word, what] = decodeFrame(frame).map((part) => String(part).toLowerCase());
          if (word !== "sentinel") socket.write("+OK\r\n");
          else if (what === "sentinels")
            socket.write(list(others.map(([ip, at]) => list(["ip", ip, "port", at, "flags", "sentinel"].map(bulk)))));
          else socket.write(list([bulk("127.0.0.1"), bulk(String(port))]));
        }
      });
    })
    .listen(0, "127.0.0.1");
  await once(listener, "listening");
  after(() => listener.close());
  return listener.address().port;
}

const asking = (port) => ({ redisUrl: "redis://127.0.0.1:1", redisOptions: { name: "shop", sentinels: [{ host: "127.0.0.1", port }] } });

test("whatever a Sentinel answers, no running job loses its lock, memory and loop stay, and it recovers", async () => {
  const master = await startHostileServer(bed.server.port);
  const sentinel = await startHostileServer(await startSentinel(master.port));
  after(() => Promise.all([master.stop(), sentinel.stop()]));
  const victim = await startVictim(asking(sentinel.port));
  const live = (name, reply) =>
    liveThrough({
      server: sentinel,
      victim,
      name,
      reply,
      meanwhile: async () => {
        const job = victim("job", { name, forMs: 1_200, expire: 3 });
        await new Promise((resolve) => setTimeout(resolve, 100));
        master.cutMain();
        const calls = await victim("calls", { name });
        return { calls, job: await job };
      },
    });
  const control = await live("good", undefined);
  for (const [name, reply] of Object.entries(REPLIES)) {
    const fared = await live(name, reply);
    assert.ok(sentinel.met > 0, `nobody was answered with ${name}`);
    assertEnded(fared.seen.calls, name);
    assert.ok(fared.seen.job.held, `the job lost its lock: ${name}: ${JSON.stringify(fared.seen.job)}`);
    assertUnharmed(fared, control, name);
  }
});

test("a Sentinel that names 20,000 others delays neither the boot nor a renewal", async () => {
  const others = Array.from({ length: 20_000 }, (_, at) => [`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`, "26379"]);
  const sentinel = await startSentinel(bed.server.port, others);
  const victim = await startVictim(asking(sentinel));
  const before = await victim("measure");
  const job = await victim("job", { name: "many", forMs: 1_500, expire: 1 });
  assert.deepEqual([job.held, job.ended.code], [true, "done"], JSON.stringify(job));
  const { mostBytes } = await victim("measured");
  assert.ok(mostBytes - before < 64 << 20, `memory grew by ${(mostBytes - before) >> 20} MB`);
});
