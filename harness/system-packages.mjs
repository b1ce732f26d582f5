// Installs programs with the system's own package manager.

import fs from "node:fs";
import { findOnPath, runOrFail } from "./process.mjs";

const MANAGERS = [
  { name: "apt-get", update: ["apt-get", "update"], install: ["apt-get", "install", "-y", "--no-install-recommends"] },
  { name: "dnf", install: ["dnf", "install", "-y"] },
  { name: "apk", install: ["apk", "add", "--no-cache"] },
  { name: "pacman", install: ["pacman", "-Sy", "--noconfirm"] },
  { name: "brew", install: ["brew", "install"], unprivileged: true },
];

// Debian starts a service right after its installation, unless this file says no.
const POLICY = "/usr/sbin/policy-rc.d";

function manager() {
  return MANAGERS.find(({ name }) => findOnPath(name));
}

/**
 * @param {Record<string, string>} packages the package's name by package manager (`apt-get`, `dnf`, `apk`, `pacman`, `brew`)
 * @returns {string} the command to type, or advice if the package manager is unknown
 */
export function installAdvice(packages) {
  const found = manager();
  if (!found || !packages[found.name]) return "install it with your system's package manager";
  const sudo = found.unprivileged || process.getuid?.() === 0 ? "" : "sudo ";
  const commands = [found.update, [...found.install, packages[found.name]]].filter(Boolean);
  return commands.map((words) => sudo + words.join(" ")).join(" && ");
}

/**
 * Installs a package if this process may do so, that is as root. It starts no service.
 *
 * @param {Record<string, string>} packages as for `installAdvice`
 * @returns {Promise<boolean>} false if this is not possible (not root, no known package manager)
 * @throws {UserError} when the package manager fails
 */
export async function installSystemPackage(packages) {
  const found = manager();
  if (!found || !packages[found.name] || found.unprivileged || process.getuid?.() !== 0) return false;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const guard = found.name === "apt-get" && !fs.existsSync(POLICY);
  if (guard) fs.writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const commands = [found.update, [...found.install, packages[found.name]]].filter(Boolean);
    for (const [command, ...args] of commands) {
      await runOrFail(`installing ${packages[found.name]}`, command, args, { env });
    }
  } finally {
    if (guard) fs.rmSync(POLICY, { force: true });
  }
  return true;
}
