// The scenario over TLS, with a private server, and with contestants that trust its certificate.

import { makeCertificates } from "../../harness/certificates.mjs";
import { freePort, startServer } from "../../harness/redis-servers.mjs";
import { connect } from "../../harness/resp-client.mjs";
import { startContestant } from "./processes.mjs";
import { runInRounds } from "./rounds.mjs";

/**
 * @param {string[]} contestants
 * @param {object} options rounds, quick and progress, as for `runInRounds`
 * @returns {Promise<object>} the result of `runInRounds`
 */
export async function runTls(contestants, options) {
  const certificates = await makeCertificates();
  const running = new Map();
  let server;
  let observer;
  try {
    const port = await freePort();
    server = await startServer({ args: certificates.serverArgs(port) });
    observer = await connect({ port: server.port });
    const trust = { NODE_EXTRA_CA_CERTS: certificates.file("ca") };
    for (const name of contestants.filter((one) => one !== "bare")) {
      running.set(name, await startContestant(name, `rediss://127.0.0.1:${port}`, trust));
    }
    return await runInRounds("tls", running, { ...options, observer });
  } finally {
    for (const contestant of running.values()) contestant.stop();
    observer?.close();
    await server?.stop();
    certificates.remove();
  }
}
