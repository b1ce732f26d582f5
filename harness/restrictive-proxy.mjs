// A proxy like those of hosting companies in front of Redis: it forwards the commands that it knows, and itself answers all others with an
// error.

import { startFaultProxy } from "./fault-proxy.mjs";

/**
 * @param {object} options
 * @param {number} options.targetPort port of the server
 * @param {string[]} [options.refuses] the commands that it does not know, in capitals
 * @param {boolean} [options.forgetsScripts] no script is known by its hash, as if each command went to another server; default false
 * @returns {Promise<import("./fault-proxy.mjs").FaultProxy>} once it listens
 */
export async function startRestrictiveProxy({ targetPort, refuses = [], forgetsScripts = false }) {
  const proxy = await startFaultProxy({ targetPort });
  for (const name of refuses) {
    const match = ([command]) => command.toUpperCase() === name;
    proxy.answerAlways({ match, reply: Buffer.from(`-ERR unknown command '${name}', with args beginning with: \r\n`) });
  }
  if (forgetsScripts) {
    const match = ([command]) => command.toUpperCase() === "EVALSHA";
    proxy.answerAlways({ match, reply: Buffer.from("-NOSCRIPT No matching script. Please use EVAL.\r\n") });
  }
  return proxy;
}
