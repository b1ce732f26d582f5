// The files that accompany a binary: the licences of its parts, and a list of its parts for programs (CycloneDX).

import { linkedCrates } from "./crates.mjs";

/** @returns {Promise<Record<string, string>>} texts by file name, for every platform's package; `version` is the release's */
export async function legalFiles(version) {
  const crates = await linkedCrates();
  return { "THIRD-PARTY-NOTICES.md": notices(crates), "sbom.cdx.json": `${JSON.stringify(partsList(crates, version), null, 2)}\n` };
}

function notices(crates) {
  const byText = new Map();
  for (const crate of crates) {
    for (const { text } of chosen(crate)) byText.set(text, [...(byText.get(text) ?? []), crate]);
  }
  const list = crates.map(({ name, version, license, repository }) => `| ${name} | ${version} | ${license} | ${repository} |`);
  const texts = [...byText].map(([text, users]) => `## ${users.map(({ name }) => name).join(", ")}\n\n${fenced(text)}`);
  const head = "# Crates in the addon\n\nThe addon is built from these crates, not all of them on each platform. Their licences follow.";
  return `${[head, `| crate | version | licence | source |\n|---|---|---|---|\n${list.join("\n")}`, ...texts].join("\n\n")}\n`;
}

/** If a crate is available under MIT alone, that text is enough. */
function chosen({ license, texts }) {
  const mit = texts.filter(({ name }) => /mit/i.test(name));
  return mit.length > 0 && /\bMIT\b/.test(license) && !/\bAND\b/.test(license) ? mit : texts;
}

function fenced(text) {
  return `\`\`\`text\n${text}\n\`\`\``;
}

/** https://cyclonedx.org/docs/1.5/json/ */
function partsList(crates, version) {
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: { component: { type: "library", name: "medusa-locking-redis", version, purl: `pkg:npm/medusa-locking-redis@${version}` } },
    components: crates.map((crate) => ({
      type: "library",
      name: crate.name,
      version: crate.version,
      purl: `pkg:cargo/${crate.name}@${encodeURIComponent(crate.version)}`,
      licenses: [{ expression: crate.license.replaceAll("/", " OR ") }],
    })),
  };
}
