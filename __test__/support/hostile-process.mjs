// A process that answers operators' questions with any text. Everybody who may publish can do this.

import { once } from "node:events";
import net from "node:net";
import { decodeFrame, encodeCommand, FrameSplitter } from "../../harness/resp-frames.mjs";

/** A text that a terminal obeys, with a forged line for a log. */
export const COMMANDS = "\u001b[2J\u001b]0;owned\u0007\n2026-01-01 forged line\u202e";

/**
 * Answers every question from now on. Call the result to end it.
 *
 * @param {object} bed the testbed
 * @param {object} told `process`, `locks` and `waits` of the answer; facts about the process that are left out have ordinary values
 * @returns {Promise<() => void>}
 */
export async function startHostileProcess(bed, { process: more = {}, locks = [], waits = [] }) {
  const facts = { id: "0123456789ab", host: "h", pid: 7, package: "1.0.0", node: "node 24.0.0", connection: null, mode: "hand-off" };
  const answer = { v: 1, part: 0, parts: 1, process: { ...facts, stuckMs: null, options: "", ...more }, locks, waits, cut: false };
  const socket = net.connect({ host: "127.0.0.1", port: bed.server.port });
  const splitter = new FrameSplitter();
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    for (const frame of splitter.push(chunk)) {
      const [kind, , message] = decodeFrame(frame);
      const { question } = kind === "message" ? JSON.parse(message) : {};
      if (question) bed.command("PUBLISH", question.reply, JSON.stringify(answer)).catch(() => {});
    }
  });
  await once(socket, "connect");
  socket.write(encodeCommand(["SUBSCRIBE", "mlr!?"]));
  await once(socket, "data");
  return () => socket.destroy();
}

/** A lock as it stands in an answer. */
export function toldLock(key, owner, more = {}) {
  return { key, owner, token: null, label: null, heldMs: 1_000, leaseMs: 60_000, leftMs: 60_000, state: "held", ...more };
}
