// Child processes must not outlive this process, not even if it is killed.

import { spawn } from "node:child_process";

/**
 * Ends a process and removes a folder when this process has ended in any way.
 *
 * @param {object} options
 * @param {number} options.pid the process to end
 * @param {string} [options.signal] without `SIG`; default `KILL`
 * @param {string} [options.folder] a folder to remove after that; default none
 * @returns {() => void} dismisses the watchdog; call it when the process has ended
 */
export function endWithUs({ pid, signal = "KILL", folder = "" }) {
  if (process.platform === "win32") {
    const end = () => {
      try {
        process.kill(pid);
      } catch {
        // The process has already ended.
      }
    };
    process.once("exit", end);
    return () => process.off("exit", end);
  }
  // The shell waits on a pipe that closes when this process ends, even by SIGKILL.
  const script = 'trap "" INT TERM HUP; read -r line; kill -"$2" "$1" 2>/dev/null; [ -z "$3" ] || { sleep 0.2; rm -rf "$3"; }';
  const watchdog = spawn("/bin/sh", ["-c", script, "sh", String(pid), signal, folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  watchdog.on("error", () => {});
  watchdog.stdin.on("error", () => {});
  // Bun has no `unref` on this stream.
  watchdog.stdin.unref?.();
  watchdog.unref();
  return () => watchdog.kill("SIGKILL");
}
