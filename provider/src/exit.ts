import type { NativeClient } from "../../native";

const clients = new Set<WeakRef<NativeClient>>();
const references = new WeakMap<NativeClient, WeakRef<NativeClient>>();
const collected = new FinalizationRegistry<WeakRef<NativeClient>>((reference) => clients.delete(reference));
let listening = false;

/**
 * Has the client take the bounded step at exit (200 ms): locks of running jobs are left with 2 s. One listener for
 * all clients; no signal is listened to, since that would disable its default in plain scripts.
 */
export function rememberAtExit(client: NativeClient): void {
  const reference = new WeakRef(client);
  clients.add(reference);
  references.set(client, reference);
  collected.register(client, reference, reference);
  if (!listening) {
    listening = true;
    process.on("exit", () => {
      for (const reference of clients) {
        reference.deref()?.exitStep();
      }
    });
  }
}

/** The client is closed: nothing is left to do for it. */
export function forgetAtExit(client: NativeClient): void {
  const reference = references.get(client);
  if (reference) {
    clients.delete(reference);
    collected.unregister(reference);
  }
}
