// docs/OPTIONS.md from the tables in the provider: says whether it is up to date.
//   node scripts/options-table.mjs [--write]     --write: makes it anew

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "./lib/paths.mjs";
import { runMain, UserError } from "./lib/process.mjs";

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
 * @param {{ IOREDIS_OPTIONS: Map<string, object>, NODE_TLS_OPTIONS: Map<string, object>, CLUSTER_OPTIONS: Map<string, object> }} tables those of the compiled provider
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

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    const flags = process.argv.slice(2);
    const unknown = flags.find((flag) => flag !== "--write");
    if (unknown) throw new UserError(`unknown argument "${unknown}"; the only one is --write`);
    const dist = path.join(ROOT, "provider", "dist");
    if (!fs.existsSync(dist)) throw new UserError("there is no compiled provider; run npm run build:provider");
    const require = createRequire(import.meta.url);
    const document = optionsDocument({
      ...require(path.join(dist, "ioredis-options.js")),
      ...require(path.join(dist, "node-tls-options.js")),
      ...require(path.join(dist, "cluster-option-table.js")),
    });
    if (flags.includes("--write")) {
      fs.writeFileSync(OPTIONS_FILE, document);
    } else if (!fs.existsSync(OPTIONS_FILE) || fs.readFileSync(OPTIONS_FILE, "utf8") !== document) {
      throw new UserError("docs/OPTIONS.md is not up to date; run node scripts/options-table.mjs --write");
    }
  });
}
