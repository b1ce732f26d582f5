// The text of docs/OPTIONS.md, made from the tables in the provider.

import path from "node:path";
import { ROOT } from "./paths.mjs";

/** The file that is made. */
export const OPTIONS_FILE = path.join(ROOT, "docs", "OPTIONS.md");

const INTRODUCTION = `<!-- Made by "node scripts/options-table.mjs --write" from provider/src/ioredis-options.ts and node-tls-options.ts. -->

# Options of ioredis

What becomes of each option that may stand in \`redisOptions\`, and in the query of \`redisUrl\` (\`redis://host?connectTimeout=500\`). The
reference is ioredis 5.11; names that only other versions of it know are taken, too. The URL counts more than \`redisOptions\`.

| treatment | meaning |
|---|---|
| honoured | does what it says |
| ignored | has no meaning here, and is passed over without a word |
| warned | is passed over, and the log says so at boot |
| refused | the boot fails with an error that names the option |

Numbers may be numeric texts, and \`true\` and \`false\` may be texts. \`undefined\` is as good as not given, and so is null where nothing else is
said. A value that cannot be used stops the boot; a name that is no option is warned of.
`;

/**
 * @param {Record<"IOREDIS_OPTIONS" | "NODE_TLS_OPTIONS" | "CLUSTER_OPTIONS", Map<string, object>>} tables those of the compiled provider
 * @returns {string} what docs/OPTIONS.md has to hold
 */
export function optionsDocument({ IOREDIS_OPTIONS, NODE_TLS_OPTIONS, CLUSTER_OPTIONS }) {
  const sections = [
    INTRODUCTION,
    `## redisOptions\n\n${table(IOREDIS_OPTIONS)}`,
    `## redisOptions.tls\n\nTLS is done by rustls, with TLS 1.2 and 1.3.\n\n${table(NODE_TLS_OPTIONS)}`,
    `## cluster\n\nA Redis Cluster, with the options of ioredis' Cluster.\n\n${table(CLUSTER_OPTIONS)}`,
  ];
  return sections.join("\n");
}

function table(options) {
  const rows = [...options.values()].map(({ name, treatment, sentence }) => `| \`${name}\` | ${treatment} | ${sentence} |\n`);
  return `| option | treatment | meaning |\n|---|---|---|\n${rows.join("")}`;
}
