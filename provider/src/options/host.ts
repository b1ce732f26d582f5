import { optionError } from "../client/errors";
import { optionalString } from "./option-values";

/**
 * @internal Reads a host name or an address; `undefined` and null mean none. The log names hosts. So a value that may be a URL, or a login with a
 * password, is refused and not repeated.
 */
export function readHost(option: string, value: unknown): string | undefined {
  const host = optionalString(option, value);
  if (host === undefined) {
    return undefined;
  }
  if (host.includes("://")) {
    throw optionError(option, "must be a host name, got a URL; put it in redisUrl");
  }
  if (/[@/]/.test(host)) {
    throw optionError(option, "must be a host name alone, got one with a @ or /; user name and password have options of their own");
  }
  // No resolver accepts such a name, so it is refused here.
  if (/[\s\0]/.test(host)) {
    throw optionError(option, "has a character that no host name has");
  }
  return host;
}
