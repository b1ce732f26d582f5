import { shown, typed } from "../inspect/words";
import type { Given } from "./flags";

/** Stands in for a URL that may have a password. */
const SECRET_URL = "…";

/** @internal A command about a lock, as a shell takes it, with what this command line names: `npx medusa-locking-redis release KEY`. */
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

/** A user name is no secret, but what stands before @ or behind ? may be. */
function isPublic(url: string): boolean {
  return !/[@?#]/.test(url);
}

/** A text as a shell reads it. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${shown(text).replaceAll("'", "'\\''")}'`;
}
