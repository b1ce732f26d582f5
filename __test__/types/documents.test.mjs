// The TypeScript in the documents compiles in a shop: whole files as they stand, options as the provider's options, calls in a function.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { INSTALLED } from "../../harness/installed.mjs";
import { ROOT } from "../../harness/paths.mjs";
import { compile } from "./support.mjs";

const PAGES = fs.readdirSync(path.join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
const DOCUMENTS = ["README.md", ...PAGES.map((name) => `docs/${name}`), "examples/store/README.md"];
const BLOCK = /^```ts\n(.*?)^```$/gms;
/** A TypeScript file whose first line says where it stands. */
const FILE = /^\/\/ (\S+\.ts)\n/;
const IMPORT = /^import .*\n/gm;

/** The work that the shop of the documents does under its locks. */
const WORK = `
export declare function charge(terms: { signal?: AbortSignal }): Promise<void>;
export declare function save(ids: string[], terms: { fences?: Readonly<Record<string, number | undefined>> }): Promise<number>;
`;

/** The declaration of `registerOtel` in Medusa's main package, which is not installed here. */
const MEDUSA = `
declare module "@medusajs/medusa" {
  import type { NodeSDKConfiguration } from "@medusajs/framework/opentelemetry/sdk-node";
  import type { SpanExporter } from "@medusajs/framework/opentelemetry/sdk-trace-node";
  type Layers = Partial<Record<"http" | "query" | "workflows" | "db" | "cache", boolean>>;
  type Options = Partial<NodeSDKConfiguration> & { serviceName: string; exporter?: SpanExporter; instrument?: Layers };
  export function registerOtel(options: Options): unknown;
}
`;

/** The shop's code around a call that a document shows. */
const AROUND = `
import type { ILockingModule } from "@medusajs/framework/types";
import fs from "node:fs";
import type { LockingRedisOptions } from "medusa-locking-redis";
declare const locking: ILockingModule;
declare const stock: { setQuantity(sku: string, quantity: number, token: number | undefined): Promise<void> };
declare const [cartId, sku, password, quantity]: [string, string, string, number];
declare function save(terms: { fence: number | undefined }): Promise<void>;
declare function report(terms: { signal: AbortSignal }): Promise<void>;
`;

/** Makes a file of a block: its path, and its text. */
function asFile(block, at) {
  const named = FILE.exec(block);
  if (named) return [named[1], block];
  const imports = Array.from(block.matchAll(IMPORT), ([line]) => line).join("");
  const rest = block.replace(IMPORT, "");
  const shown = rest.startsWith("options: ")
    ? `export const shown: { options: LockingRedisOptions } = {\n${rest}};\n`
    : `export async function shown() {\n${rest}}\n`;
  return [`shown/${at}.ts`, `${imports}${AROUND}${shown}`];
}

for (const document of DOCUMENTS) {
  const text = fs.readFileSync(path.join(ROOT, document), "utf8");
  const files = Object.fromEntries(Array.from(text.matchAll(BLOCK), ([, block], at) => asFile(block, at)));
  const names = Object.keys(files);
  if (names.length === 0) continue;
  test(`the code that ${document} shows compiles: ${names.join(", ")}`, async () => {
    const { code, stdout } = await compile(INSTALLED, "Node16", { ...files, "src/workflows/steps/work.ts": WORK, "medusa.d.ts": MEDUSA });
    assert.equal(code, 0, stdout);
  });
}
