import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import test from "node:test";
import { messageOf } from "./children.mjs";

function child(code) {
  return spawn(process.execPath, ["-e", code], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
}

test("the message of a child is told, also when it ends right behind it", async () => {
  assert.equal(await messageOf(child("process.send('done', () => process.exit(0))")), "done");
});

test("a child that ends without a message is told, before and after its end", async () => {
  const silent = child("process.exit(3)");
  await assert.rejects(messageOf(silent), /ended \(3\) without/);
  await assert.rejects(messageOf(silent), /ended \(3\) without/);
});
