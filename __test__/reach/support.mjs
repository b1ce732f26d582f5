// Helpers for the tests of TLS: certificates, and a server that speaks TLS on one port and, for the observer, plain text on another.

import assert from "node:assert/strict";
import { after } from "node:test";
import { makeCertificates } from "../../harness/certificates.mjs";
import { freePort, startServer } from "../../harness/redis-servers.mjs";
import { NS, refused } from "../support/testbed.mjs";

/** The beginning of the log line about a boot that did not reach Redis. */
export const FAILED = 'An error occurred while connecting to Redis in provider "locking-redis": ';

/**
 * Makes certificates. They and the servers are removed after this file's last test.
 *
 * @returns {Promise<TlsBed>}
 */
export async function openTlsBed() {
  const bed = new TlsBed(await makeCertificates());
  after(() => bed.stop());
  return bed;
}

class TlsBed {
  #servers = [];

  /** The certificates as texts and files, from harness/certificates.mjs. */
  certificates;

  constructor(certificates) {
    this.certificates = certificates;
  }

  /**
   * Starts a server of the system's version.
   *
   * @param {object} [options] as for `serverArgs` of the certificates
   * @param {string[]} [options.args] more arguments for the server
   * @returns {Promise<{ server: object, port: number, url: string }>} `port` and `url` are for TLS
   */
  async start({ args = [], ...options } = {}) {
    const port = await freePort();
    const server = await startServer({ args: [...this.certificates.serverArgs(port, options), ...args] });
    this.#servers.push(server);
    return { server, port, url: `rediss://127.0.0.1:${port}` };
  }

  /** Ends the servers and removes the certificates. */
  async stop() {
    for (const server of this.#servers.splice(0)) await server.stop();
    this.certificates.remove();
  }
}

/** Takes a lock, finds it on the server, and gives it back. */
export async function takesALock({ locking }, server, prefix = NS) {
  await locking.acquire("k", { ownerId: "me" });
  assert.equal(await server.cli("GET", `${prefix}k`), "me");
  assert.equal(await locking.release("k", { ownerId: "me" }), true);
}

/** Asserts that the boot logged the reason why it did not reach Redis, and that a call fails with this reason at its time limit. */
export async function failsToConnect({ locking, logs, logText }, reason) {
  const line = logs.find(({ level, text }) => level === "error" && text.startsWith(FAILED));
  assert.ok(line, logText);
  assert.match(line.text, reason);
  const error = await refused(
    locking.execute("k", async () => assert.fail("ran"), { timeout: 1 }),
    { code: "REDIS_UNREACHABLE" },
  );
  assert.match(String(error.cause), reason);
}
