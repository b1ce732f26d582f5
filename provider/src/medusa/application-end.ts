import { MedusaModule } from "@medusajs/framework/modules-sdk";
import type { LockClient } from "../client/client";
import { type Log, textOf } from "../client/guard";

const clients = new Set<WeakRef<LockClient>>();
let listening = false;

/**
 * @internal Shuts the client down when Medusa ends the application, before Medusa ends the process. Medusa notifies modules of the end, but not
 * their providers, so this wraps the function that notifies the modules. Medusa calls that function after SIGTERM or SIGINT, when event bus and
 * workflow engine accept no more work.
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
    // Both run at the same time, because Medusa's own part must not wait for ours, and may fail.
    const own = shutDownAll().catch((error) => log.warn(`Provider "locking-redis" could not shut down: ${textOf(error)}`));
    await Promise.all([onApplicationShutdown.call(MedusaModule), own]);
  };
}

async function shutDownAll(): Promise<void> {
  // This includes clients that are already shutting down, because a second call must wait for the same end.
  const alive = [...clients].map((reference) => reference.deref());
  await Promise.all(alive.map((client) => client?.shutdown()));
}
