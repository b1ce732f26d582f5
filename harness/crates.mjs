// The crates in the addon, with their licences.

import fs from "node:fs";
import path from "node:path";
import { ROOT } from "./paths.mjs";
import { runOrFail } from "./process.mjs";

/**
 * @typedef {object} Crate
 * @property {string} name
 * @property {string} version
 * @property {string} license an SPDX expression
 * @property {string} repository
 * @property {{ name: string, text: string }[]} texts its licence files
 */

const LICENCE_FILE = /^(licen[cs]e|copying|notice|unlicense)/i;

/** @returns {Promise<Crate[]>} all crates of others that the addon of any platform links, by name */
export async function linkedCrates() {
  const args = ["metadata", "--format-version", "1", "--locked"];
  const { stdout } = await runOrFail("reading the crates", "cargo", args, { cwd: ROOT });
  const { packages, resolve, workspace_members: own } = JSON.parse(stdout);
  const byId = new Map(packages.map((crate) => [crate.id, crate]));
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const root = packages.find(({ name, id }) => name === "medusa-locking-redis" && own.includes(id));
  const seen = new Set();
  const visit = (id) => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      if (kinds.some(({ kind }) => kind === null)) visit(pkg);
    }
  };
  visit(root.id);
  const linked = [...seen].filter((id) => !own.includes(id)).map((id) => byId.get(id));
  return linked
    .map(({ name, version, license, repository, manifest_path: manifest, targets }) => ({
      name,
      version,
      license: license ?? "see its licence file",
      repository: repository ?? "",
      isMacro: targets.some(({ kind }) => kind.includes("proc-macro")),
      texts: licenceTexts(path.dirname(manifest)),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1));
}

function licenceTexts(folder) {
  const names = fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile() && LICENCE_FILE.test(entry.name));
  return names.map(({ name }) => ({ name, text: fs.readFileSync(path.join(folder, name), "utf8").replaceAll("\r\n", "\n").trim() }));
}
