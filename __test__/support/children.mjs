// Talking with child processes.

import { once } from "node:events";

/**
 * Waits for what a forked child says next.
 *
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<any>} the message
 * @throws {Error} when the child ends without another word
 */
export async function messageOf(child) {
  const waiting = new AbortController();
  const { signal } = waiting;
  const silent = () => new Error(`the child process ended (${child.signalCode ?? child.exitCode}) without the message that was waited for`);
  // Whoever is gone says nothing more, nor does it end again.
  if ((child.exitCode !== null || child.signalCode !== null) && !child.connected) throw silent();
  const ended = once(child, "close", { signal }).then(() => Promise.reject(silent()));
  try {
    const [message] = await Promise.race([once(child, "message", { signal }), ended]);
    return message;
  } finally {
    waiting.abort();
  }
}
