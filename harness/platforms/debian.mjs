// Packages of Debian, also for other architectures and releases. A second apt, which does not use this machine's own lists and packages,
// fetches them. They are unpacked, but not installed.

import fs from "node:fs";
import path from "node:path";
import { findOnPath, runOrFail } from "../process.mjs";
import { kept, LAB } from "./kept.mjs";
import { NotHere } from "./not-here.mjs";

const MIRROR = "http://deb.debian.org";
const KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * @param {string} name the name of the folder in the lab
 * @param {object} wanted
 * @param {"bookworm" | "trixie"} wanted.suite
 * @param {string[]} wanted.packages their names
 * @param {"amd64" | "arm64"} [wanted.architecture] default amd64
 * @returns {Promise<string>} a folder with all of them, unpacked into each other
 * @throws {NotHere} where there is no apt
 */
export function debianPackages(name, { suite, packages, architecture = "amd64" }) {
  return kept(name, async (folder) => {
    const env = { APT_CONFIG: await aptFor(suite) };
    const debs = path.join(folder, ".debs");
    fs.mkdirSync(debs);
    const names = packages.map((one) => `${one}:${architecture}`);
    await runOrFail(`fetching ${name}`, "apt-get", ["download", ...names], { cwd: debs, env });
    for (const deb of fs.readdirSync(debs)) await runOrFail(`unpacking ${deb}`, "dpkg", ["-x", path.join(debs, deb), folder]);
    fs.rmSync(debs, { recursive: true });
  });
}

/** @returns {Promise<string>} the configuration of an apt for a suite, with its lists loaded */
async function aptFor(suite) {
  const missing = ["apt-get", "dpkg"].find((program) => !findOnPath(program)) ?? (fs.existsSync(KEYS) ? undefined : KEYS);
  if (missing) throw new NotHere(`it takes packages of Debian, and there is no ${missing} here`);
  const folder = await kept(`apt-${suite}`, async (made) => {
    fs.mkdirSync(path.join(made, "lists", "partial"), { recursive: true });
    fs.mkdirSync(path.join(made, "cache", "archives", "partial"), { recursive: true });
    fs.writeFileSync(path.join(made, "status"), "");
    const source = (place, name) => `deb [signed-by=${KEYS}] ${MIRROR}/${place} ${name} main\n`;
    fs.writeFileSync(path.join(made, "sources.list"), source("debian", suite) + source("debian-security", `${suite}-security`));
    fs.writeFileSync(path.join(made, "apt.conf"), aptConfiguration(made));
    await runOrFail(`reading what ${suite} has`, "apt-get", ["update"], { env: { APT_CONFIG: path.join(made, "apt.conf") } });
    fs.writeFileSync(path.join(made, "apt.conf"), aptConfiguration(path.join(LAB, `apt-${suite}`)));
  });
  return path.join(folder, "apt.conf");
}

function aptConfiguration(folder) {
  return `Dir::Etc::sourcelist "${folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::Lists "${folder}/lists";
Dir::State::status "${folder}/status";
Dir::Cache "${folder}/cache";
APT::Architectures "amd64,arm64";
APT::Sandbox::User "root";
`;
}
