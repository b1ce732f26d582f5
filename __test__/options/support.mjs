// The options as the installed provider parses them, without a server.

import { OURS, requireInstalled } from "../../harness/installed.mjs";

/** Loads a module of the compiled provider, such as "options/redis-url". */
export function provider(name) {
  return requireInstalled(`${OURS}/provider/dist/${name}.js`);
}

const { parseOptions } = provider("options/options");

/** Returns the options for the addon, and beside them the warnings and the user's functions. */
export function parse(redisUrl, redisOptions) {
  const { native, warnings, retryStrategy, reconnectOnError } = parseOptions({ redisUrl, redisOptions });
  return { ...native, warnings, retryStrategy, reconnectOnError };
}

/** Returns the error with which the options are refused, or `undefined`. */
export function refusal(redisUrl, redisOptions) {
  try {
    parse(redisUrl, redisOptions);
    return undefined;
  } catch (error) {
    return error;
  }
}
