// The tables know every option that ioredis and Node declare, and docs/OPTIONS.md agrees with the tables.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { OPTIONS_FILE, optionsDocument } from "../../harness/options-document.mjs";
import { ROOT } from "../../harness/paths.mjs";
import { provider } from "./support.mjs";

const { IOREDIS_OPTIONS } = provider("options/ioredis-options");
const { NODE_TLS_OPTIONS } = provider("options/node-tls-options");
const { CLUSTER_OPTIONS } = provider("options/cluster-option-table");

const DECLARATIONS = path.join(ROOT, "node_modules", "ioredis", "built", "redis", "RedisOptions.d.ts");

const CLUSTER_DECLARATIONS = path.join(ROOT, "node_modules", "ioredis", "built", "cluster", "ClusterOptions.d.ts");

const program = ts.createProgram([DECLARATIONS, CLUSTER_DECLARATIONS], {
  types: ["node"],
  typeRoots: [path.join(ROOT, "node_modules", "@types")],
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
  skipLibCheck: true,
});
const checker = program.getTypeChecker();

/** The names of all properties of a type that a module exports. */
function properties(module, typeName) {
  const found = checker.getExportsOfModule(module).find((symbol) => symbol.name === typeName);
  const names = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(found)).map((property) => property.name);
  assert.ok(names.length > 5, `${typeName} was not found as it should be: ${names}`);
  return names;
}

function nodeModule(name) {
  return checker.getAmbientModules().find((module) => module.name === `"${name}"`);
}

test("every option that ioredis declares is in the table", () => {
  const declared = properties(checker.getSymbolAtLocation(program.getSourceFile(DECLARATIONS)), "RedisOptions");
  assert.ok(["host", "tls", "retryStrategy", "sentinels", "keyPrefix"].every((name) => declared.includes(name)));
  assert.deepEqual(
    declared.filter((name) => !IOREDIS_OPTIONS.has(name)),
    [],
  );
});

test("every option that ioredis declares for a cluster is in the table", () => {
  const declared = properties(checker.getSymbolAtLocation(program.getSourceFile(CLUSTER_DECLARATIONS)), "ClusterOptions");
  assert.ok(["maxRedirections", "natMap", "redisOptions"].every((name) => declared.includes(name)));
  assert.deepEqual(
    declared.filter((name) => !CLUSTER_OPTIONS.has(name)),
    [],
  );
});

test("every TLS option that Node declares is in the table", () => {
  const declared = [...properties(nodeModule("tls"), "ConnectionOptions"), ...properties(nodeModule("net"), "TcpNetConnectOpts")];
  assert.ok(["ca", "servername", "minVersion", "lookup", "localAddress"].every((name) => declared.includes(name)));
  assert.deepEqual(
    declared.filter((name) => !NODE_TLS_OPTIONS.has(name)),
    [],
  );
});

test("docs/OPTIONS.md is what the tables say", () => {
  const text = fs.readFileSync(OPTIONS_FILE, "utf8");
  assert.equal(text, optionsDocument({ IOREDIS_OPTIONS, NODE_TLS_OPTIONS, CLUSTER_OPTIONS }), "run node scripts/options-table.mjs --write");
});
