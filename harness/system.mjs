// Features that a system may lack, as options for the tests that need them. Such a test is skipped, with the reason.

import { BRIDGE } from "./server-bridge.mjs";

const ON_WINDOWS = process.platform === "win32";

/** For tests over a Unix socket. */
export const UNIX_SOCKETS = { skip: ON_WINDOWS && "Windows has no Unix sockets that Redis uses" };

/** For tests that send signals to a process of ours, to stop it or to let it handle them. */
export const SIGNALS = { skip: ON_WINDOWS && "Windows has no signals" };

/** For tests in which SIGSTOP stops a server. With a bridge, the bridge sends the signal on its own system. */
export const STOPPED_SERVERS = { skip: ON_WINDOWS && !BRIDGE && "Windows has no SIGSTOP" };
