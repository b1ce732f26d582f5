import { shown, typed } from "../inspect/words";
import type { Given } from "./flags";

/** Replaces a URL that may contain a password. */
const SECRET_URL = "…";

/**
 * @internal A command about a lock, ready for a shell. It repeats the connection flags of this command line: `npx medusa-locking-redis release
 * KEY`.
 */
export function ownCommand(given: Given, name: string, key: string): string {
  const url = given.text("url");
  const namespace = given.text("namespace");
  const flags = [
    ...flag("config", given.text("config")),
    ...(url === undefined ? [] : isPublic(url) ? flag("url", url) : ["--url", SECRET_URL]),
    ...(given.has("cluster") ? ["--cluster"] : []),
    ...flag("namespace", namespace === undefined ? undefined : typed(namespace)),
  ];
  return ["npx medusa-locking-redis", name, ...flags, ...(key.startsWith("-") ? ["--"] : []), quoted(key)].join(" ");
}

function flag(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : value.startsWith("-") ? [`--${name}=${quoted(value)}`] : [`--${name}`, quoted(value)];
}

/** Whether a URL may be shown. A user name is no secret, but the text before @ or after ? may be one. */
function isPublic(url: string): boolean {
  return !/[@?#]/.test(url);
}

/** A text, quoted for a shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${shown(text).replaceAll("'", "'\\''")}'`;
}
