// What a system may lack: options of tests that need it. Such a test is skipped, with the reason.

import { BRIDGE } from "./server-bridge.mjs";

const ON_WINDOWS = process.platform === "win32";

/** For tests over a Unix socket. */
export const UNIX_SOCKETS = { skip: ON_WINDOWS && "Windows has no Unix sockets that Redis uses" };

/** For tests that send signals to a process of ours: that stop it, or that it handles. */
export const SIGNALS = { skip: ON_WINDOWS && "Windows has no signals" };

/** For tests in which a server is stopped by SIGSTOP. A bridge does it where the server is. */
export const STOPPED_SERVERS = { skip: ON_WINDOWS && !BRIDGE && "Windows has no SIGSTOP" };
