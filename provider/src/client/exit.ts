import type { NativeClient } from "../../../native";

const clients = new Set<WeakRef<NativeClient>>();
const references = new WeakMap<NativeClient, WeakRef<NativeClient>>();
const collected = new FinalizationRegistry<WeakRef<NativeClient>>((reference) => clients.delete(reference));
let listening = false;

/**
 * Makes the client take the step at exit, which takes at most 200 ms and leaves 2 s to the locks of running jobs. All clients share one listener.
 * It listens to no signal, because in plain scripts a listener would switch off the signal's default action.
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

/** Forgets a client that is closed. */
export function forgetAtExit(client: NativeClient): void {
  const reference = references.get(client);
  if (reference) {
    clients.delete(reference);
    collected.unregister(reference);
  }
}
