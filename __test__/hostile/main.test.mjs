import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openTestbed } from "../support/testbed.mjs";
import { REPLIES } from "./replies.mjs";
import { startHostileServer } from "./server.mjs";
import { assertEnded, assertUnharmed, liveThrough, startVictim } from "./support.mjs";

const bed = openTestbed();

/** Whether a command belongs to a call, on a connection that is ready. */
const ofACall = (words, socket) => socket.main && words.some((word) => word.includes("medusa_lock:h"));

for (const [where, meets] of [
  ["to a call", ofACall],
  ["on a new connection", () => true],
]) {
  test(`whatever comes as an answer ${where}, calls end, memory and loop stay, and it recovers`, async () => {
    const server = await startHostileServer(bed.server.port);
    after(() => server.stop());
    const victim = await startVictim({ redisUrl: `redis://127.0.0.1:${server.port}` });
    const live = (name, reply) =>
      liveThrough({
        server,
        victim,
        name: `h${name}`,
        reply,
        meets,
        meanwhile: () => {
          if (meets !== ofACall) server.cutMain();
          return victim("calls", { name: `h${name}` });
        },
      });
    const control = await live("good", undefined);
    for (const [name, reply] of Object.entries(REPLIES)) {
      const fared = await live(name, reply);
      assert.ok(server.met > 0, `nobody was answered with ${name}`);
      assertEnded(fared.seen, name);
      assertUnharmed(fared, control, name);
    }
  });
}
