import { MedusaModule } from "@medusajs/framework/modules-sdk";
import type { LockClient } from "./client";
import { type Log, textOf } from "./guard";

const clients = new Set<WeakRef<LockClient>>();
let listening = false;

/**
 * @internal Shuts the client down when Medusa ends the application, before it ends the process. Medusa tells modules of it but not their
 * providers, so this listens where modules are told: behind Medusa's own handling of SIGTERM and SIGINT, in the step that follows
 * the one in which event bus and workflow engine take no more work.
 */
export function shutDownWithMedusa(client: LockClient, log: Log): void {
  for (const reference of clients) {
    if (reference.deref() === undefined) {
      clients.delete(reference);
    }
  }
  clients.add(new WeakRef(client));
  if (!listening) {
    listening = true;
    listen(log);
  }
}

function listen(log: Log): void {
  const { onApplicationShutdown } = MedusaModule;
  MedusaModule.onApplicationShutdown = async function endOfTheApplication(this: unknown) {
    // At the same time: Medusa's own part is not to wait, and may fail.
    const own = shutDownAll().catch((error) => log.warn(`Provider "locking-redis" could not shut down: ${textOf(error)}`));
    await Promise.all([onApplicationShutdown.call(MedusaModule), own]);
  };
}

async function shutDownAll(): Promise<void> {
  // Those that are shut down already, too: who is told twice that the application ends has to wait for the same end.
  const alive = [...clients].map((reference) => reference.deref());
  await Promise.all(alive.map((client) => client?.shutdown()));
}
