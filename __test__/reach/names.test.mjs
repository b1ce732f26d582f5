// The names by which Redis knows the provider's connections, and the secrets that nobody learns.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { PASSPHRASE } from "../../harness/certificates.mjs";
import { startServer } from "../../harness/redis-servers.mjs";
import { OURS_ONLY, openTestbed, until } from "../support/testbed.mjs";
import { openTlsBed } from "./support.mjs";

const bed = openTestbed();
const tls = await openTlsBed();
const { certificates } = tls;
// Version 7.0 does not know CLIENT SETINFO.
const newer = await startServer({ version: "8.2" });
after(() => newer.stop());

/** The lines of CLIENT LIST with this name, once all connections of the provider are there: for calls, for renewals, and for operators' questions. */
function clientsNamed(name) {
  return until(`three connections are named ${name}`, async () => {
    const clients = (await newer.cli("CLIENT", "LIST")).split("\n").filter((line) => line.includes(` name=${name} `));
    return clients.length === 3 && clients;
  });
}

test("a name, and name and version of the package, are told, with a tag, or not at all", OURS_ONLY, async () => {
  const boot = (redisOptions) => bed.boot({ redisUrl: newer.url, redisOptions });
  await boot({ connectionName: "plain" });
  await boot({ connectionName: "tagged", clientInfoTag: "shop" });
  await boot({ connectionName: "silent", disableClientInfo: true });
  for (const line of await clientsNamed("plain")) assert.match(line, / lib-name=medusa-locking-redis lib-ver=\d/);
  for (const line of await clientsNamed("tagged")) assert.match(line, / lib-name=medusa-locking-redis\(shop\) lib-ver=\d/);
  for (const line of await clientsNamed("silent")) assert.match(line, / lib-name= lib-ver=/);
  await bed.closeBoots();
});

test("no password, key or passphrase gets into a log line or an error", OURS_ONLY, async () => {
  const strict = await tls.start({ wantsClients: true, args: ["--requirepass", "hunter2-right"] });
  const identity = { cert: certificates.pem("client"), key: certificates.key("clientEncrypted"), passphrase: PASSPHRASE };
  const ca = certificates.pem("ca");
  const secrets = ["hunter2", PASSPHRASE, certificates.key("client").split("\n")[1], certificates.key("clientEncrypted").split("\n")[1]];
  const login = `rediss://:hunter2-wrong@127.0.0.1`;
  const attempts = [
    // The attempts in this order: a wrong password, an unknown authority, another port, keys that do not fit, a wrong passphrase.
    { redisUrl: `${login}:${strict.port}`, redisOptions: { tls: { ca, ...identity } } },
    { redisUrl: `${login}:${strict.port}`, redisOptions: { tls: identity } },
    { redisUrl: `${login}:${strict.server.port}`, redisOptions: { connectTimeout: 500, tls: { ca, ...identity } } },
    { redisUrl: `${login}:${strict.port}`, redisOptions: { tls: { ca, ...identity, cert: ca } } },
    { redisUrl: `${login}:${strict.port}`, redisOptions: { tls: { ca, ...identity, passphrase: `${PASSPHRASE}!` } } },
  ];
  for (const options of attempts) {
    let shown = "";
    const show = (error) => {
      shown += `${error.stack}\n${JSON.stringify(error)}\n${error.cause?.stack}\n`;
    };
    try {
      const booted = await bed.boot(options);
      await booted.locking.execute("k", async () => assert.fail("ran"), { timeout: 1 }).catch(show);
      shown += booted.logText;
    } catch (error) {
      show(error);
      shown += error.logs.map(({ text }) => text).join("\n");
    }
    assert.match(shown, /locking-redis/);
    for (const secret of secrets) assert.ok(!shown.includes(secret), `"${secret}" is shown:\n${shown}`);
  }
});
