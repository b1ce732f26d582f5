// Messages of child processes.

import { once } from "node:events";

/**
 * Waits for the next message of a forked child.
 *
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<any>} the message
 * @throws {Error} if the child ends without another message
 */
export async function messageOf(child) {
  const waiting = new AbortController();
  const { signal } = waiting;
  const silent = () => new Error(`the child process ended (${child.signalCode ?? child.exitCode}) without the message that was waited for`);
  // A child that is gone sends no message, and does not end a second time.
  if ((child.exitCode !== null || child.signalCode !== null) && !child.connected) throw silent();
  const ended = once(child, "close", { signal }).then(() => Promise.reject(silent()));
  try {
    const [message] = await Promise.race([once(child, "message", { signal }), ended]);
    return message;
  } finally {
    waiting.abort();
  }
}
