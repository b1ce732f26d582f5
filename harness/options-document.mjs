// The text of docs/OPTIONS.md, made from the tables in the provider.

import path from "node:path";
import { ROOT } from "./paths.mjs";

/** The file that is generated. */
export const OPTIONS_FILE = path.join(ROOT, "docs", "OPTIONS.md");

const INTRODUCTION = `<!-- Made by "node scripts/options-table.mjs --write" from provider/src/options/ioredis-options.ts and node-tls-options.ts. -->

# Options of ioredis

This page says what becomes of each option in \`redisOptions\`, and in the query of \`redisUrl\` (\`redis://host?connectTimeout=500\`). The
reference is ioredis 5.11. Names that only other versions of ioredis know are accepted, too. The URL wins over \`redisOptions\`.

| treatment | meaning |
|---|---|
| honoured | the option works |
| ignored | the option has no meaning here, and is passed over silently |
| warned | the option is passed over, and the log says so at boot |
| refused | the boot fails with an error that names the option |

Numbers may be numeric texts, and \`true\` and \`false\` may be texts. \`undefined\` means that the option is not given. So does null, unless the
table says otherwise. A value that cannot be used stops the boot. The log warns of a name that is no option.
`;

/**
 * @param {Record<"IOREDIS_OPTIONS" | "NODE_TLS_OPTIONS" | "CLUSTER_OPTIONS", Map<string, object>>} tables the tables of the compiled
 *   provider
 * @returns {string} the right text of docs/OPTIONS.md
 */
export function optionsDocument({ IOREDIS_OPTIONS, NODE_TLS_OPTIONS, CLUSTER_OPTIONS }) {
  const sections = [
    INTRODUCTION,
    `## redisOptions\n\n${table(IOREDIS_OPTIONS)}`,
    `## redisOptions.tls\n\nrustls does TLS 1.2 and 1.3.\n\n${table(NODE_TLS_OPTIONS)}`,
    `## cluster\n\nA Redis Cluster, with the options of ioredis' Cluster.\n\n${table(CLUSTER_OPTIONS)}`,
  ];
  return sections.join("\n");
}

function table(options) {
  const rows = [...options.values()].map(({ name, treatment, sentence }) => `| \`${name}\` | ${treatment} | ${sentence} |\n`);
  return `| option | treatment | meaning |\n|---|---|---|\n${rows.join("")}`;
}
