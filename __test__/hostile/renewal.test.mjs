import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openTestbed } from "../support/testbed.mjs";
import { REPLIES } from "./replies.mjs";
import { startHostileServer } from "./server.mjs";
import { assertUnharmed, liveThrough, startVictim } from "./support.mjs";

const bed = openTestbed();

test("whatever the renewal's connection is answered, no job is told a loss, memory and loop stay, and it recovers", async () => {
  const server = await startHostileServer(bed.server.port);
  after(() => server.stop());
  const victim = await startVictim({ redisUrl: `redis://127.0.0.1:${server.port}` });
  const live = (name, reply) =>
    liveThrough({
      server,
      victim,
      name,
      reply,
      meets: (_words, socket) => !socket.main,
      meanwhile: () => victim("job", { name, forMs: 900, expire: 2 }),
    });
  const control = await live("good", undefined);
  assert.deepEqual([control.seen.held, control.seen.ended.code], [true, "done"]);
  for (const [name, reply] of Object.entries(REPLIES)) {
    const fared = await live(name, reply);
    assert.ok(server.met > 0, `nobody was answered with ${name}`);
    // The job ends well inside its lease, and nothing said that another client has the lock.
    assert.deepEqual([fared.seen.held, fared.seen.ended.code], [true, "done"], `${name}: ${JSON.stringify(fared.seen)}`);
    assertUnharmed(fared, control, name);
  }
});
