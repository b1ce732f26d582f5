// Asks processes about the locks that they hold, by the addon's class for operators.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { requireInstalled } from "../../harness/installed.mjs";
import { messageOf } from "../support/children.mjs";

/** Opens the addon's inspector with the options of a provider. The caller closes it after use. */
export function openInspector(options) {
  const { NativeInspector } = requireInstalled("medusa-locking-redis/native.js");
  const { parseOptions } = requireInstalled("medusa-locking-redis/provider/dist/options/options.js");
  const inspector = new NativeInspector(parseOptions(options, undefined).native);
  const parsed =
    (method) =>
    async (...args) =>
      JSON.parse(await inspector[method](...args));
  const methods = ["command", "nodes", "scan", "read", "ask", "free"];
  return { ...Object.fromEntries(methods.map((name) => [name, parsed(name)])), close: () => inspector.close() };
}

/** Starts a process in which a job with `label` holds `key`. The job then blocks the event loop for `blockMs`, or waits for ever. */
export async function startHolder({ options, key, label, blockMs = 0 }) {
  const script = fileURLToPath(new URL("holder.mjs", import.meta.url));
  const child = fork(script, [JSON.stringify({ options, key, label, blockMs })]);
  await messageOf(child);
  return child;
}
