// The test runners and bundlers that users have.

import path from "node:path";

/** The package's files stay where they were installed, so that the addon is found there and its version is compared. */
const EXTERNAL = ["medusa-locking-redis", "@medusajs/framework", "./shop.play.cjs"].map((name) => `--external:${name}`);
const ESBUILD = [bin("esbuild", "bin", "esbuild"), "bundled.ts", "--bundle", "--platform=node", ...EXTERNAL];
/** The package is in the bundle, and the addon of this platform is copied beside the bundle. */
const WITH_ADDON = [bin("esbuild", "bin", "esbuild"), "alone.ts", "--bundle", "--platform=node", "--loader:.node=copy"];

/**
 * @typedef {object} Tool
 * @property {Record<string, string>} packages the packages that a project installs for it, with versions
 * @property {Record<string, string>} sources files of the project, by name: each is a copy of this file in `tools`
 * @property {Record<string, string>} [files] other files of the project, with their contents
 * @property {Record<string, string[]>} steps arguments for Node.js, by the name of the step
 * @property {string[]} [prints] the steps that print "locked"
 */

/** @type {Record<string, Tool>} */
export const TOOLS = {
  jest: {
    packages: { jest: "30.5.2", "@babel/preset-env": "7.29.14", "@babel/preset-typescript": "7.29.7" },
    sources: { "shop.test.js": "jest.cjs", "typed/shop.test.ts": "jest.ts" },
    files: {
      "typed/babel.config.js": `module.exports = { presets: [["@babel/preset-env", { targets: { node: "current" } }], "@babel/preset-typescript"] };\n`,
      "typed/package.json": "{}\n",
    },
    steps: {
      require: [bin("jest", "bin", "jest.js"), "--testPathPatterns", "shop.test.js$"],
      TypeScript: [bin("jest", "bin", "jest.js"), "--rootDir", "typed"],
    },
  },
  vitest: {
    packages: { vitest: "4.1.12" },
    sources: { "shop.test.ts": "vitest.ts" },
    steps: { TypeScript: [bin("vitest", "vitest.mjs"), "run"] },
  },
  esbuild: {
    packages: { esbuild: "0.28.2" },
    sources: { "bundled.ts": "esbuild.ts", "alone.ts": "esbuild-alone.ts" },
    steps: {
      "bundle CommonJS": [...ESBUILD, "--outfile=bundle.cjs"],
      "run CommonJS": ["bundle.cjs"],
      "bundle ESM": [...ESBUILD, "--format=esm", "--outfile=bundle.mjs"],
      "run ESM": ["bundle.mjs"],
      "bundle all": [...WITH_ADDON, "--outdir=alone"],
      "run all": ["alone/alone.js"],
    },
    prints: ["run CommonJS", "run ESM", "run all"],
  },
};

function bin(name, ...file) {
  return path.join("node_modules", name, ...file);
}
